//! The actions of a step.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{EvictMode, Selector};
use mcp_pool_testkit::fake::Behaviour;
use rmcp::model::{ServerNotification, ToolListChangedNotification};
use tokio::time::Instant;

use super::super::{coverage::Sometimes, numbers::Numbers, oracle::selects, plan::Action};
use super::behaviours::{behaviour, call_fault, connect_fault};
use super::callers::{Caller, Client};
use super::extractor::Extraction;
use super::world::World;

impl World {
    /// Does what a step is for. A step that lacks what it needs does nothing.
    pub(super) async fn act(&mut self, action: Action, numbers: &mut Numbers) {
        match action {
            Action::Acquire => self.acquire(numbers),
            Action::TryAcquire => self.try_acquire(numbers),
            Action::Release => self.release(numbers),
            Action::Discard => self.discard(numbers),
            Action::CallOnLease => self.call_on_lease(numbers),
            Action::MakeClient => self.make_client(numbers),
            Action::CallOnClient => self.call_on_client(numbers),
            Action::AcquireOnClient => self.acquire_on_client(numbers),
            Action::DropClient => self.drop_client(numbers),
            Action::Cancel => self.cancel(numbers, |_| true),
            Action::Evict => self.evict(numbers),
            Action::Revoke => self.revoke(numbers),
            Action::Drain => self.drain(),
            Action::ConnectBehaviour
            | Action::CheckBehaviour
            | Action::CloseBehaviour
            | Action::CallBehaviour
            | Action::DeliveryBehaviour => self.set_behaviour(action, numbers),
            Action::FailNextConnect => self.fail_next_connect(numbers),
            Action::ExtractBehaviour => self.set_extraction(numbers),
            Action::Forget => self.forget(),
            Action::End => self.end_sessions(),
            Action::NotifyListChange => self.notify_list_change(),
            Action::Flow => {
                let time = numbers.millis(60);
                self.history.step(|| format!("{time:?} pass"));
                self.flow(time).await;
            }
            Action::Jump => self.jump(numbers.millis(300)).await,
            Action::LongJump => self.jump(numbers.millis(20_000)).await,
            Action::UpdateEndpoint => self.update_endpoint(numbers),
        }
    }

    pub(super) fn evict(&mut self, numbers: &mut Numbers) {
        let selector = self.people.selector(numbers);
        let mode = numbers.pick(&[EvictMode::Force, EvictMode::Graceful]);
        let report = self.pool.evict(&selector, mode);
        self.history
            .step(|| format!("evict {selector:?} {mode:?}: {report:?}"));
        self.bar(&selector);
        if self.is_handed(&selector) {
            self.history.reach(Sometimes::HandoverRefused);
        }
        if mode == EvictMode::Force && report.in_use > 0 {
            self.history.reach(Sometimes::ForcedUser);
        }
        if report.connecting > 0 {
            self.history.reach(Sometimes::EvictedConnect);
        }
        // A permit of an evicted key is on its way to a waiter now.
        if report.keys > 0 && numbers.chance(25) {
            self.cancel(numbers, |_| true);
        }
    }

    pub(super) fn revoke(&mut self, numbers: &mut Numbers) {
        let selector = self.people.selector(numbers);
        let report = self.pool.revoke(&selector);
        self.history
            .step(|| format!("revoke {selector:?}: {report:?}"));
        self.bar(&selector);
        if self.is_handed(&selector) {
            self.history.reach(Sometimes::HandoverRevoked);
        }
        if report.in_use > 0 {
            self.history.reach(Sometimes::UserRevoked);
        }
    }

    fn drain(&mut self) {
        let report = self.pool.drain();
        self.history.step(|| format!("drain: {report:?}"));
        self.bar(&Selector::All);
    }

    /// Changes how many sessions an endpoint keeps ready.
    fn update_endpoint(&self, numbers: &mut Numbers) {
        let (endpoint, ready) = (self.people.endpoint(numbers), numbers.below(3));
        let report = self
            .pool
            .update_endpoint(&endpoint.clone().with_min_idle(ready));
        self.history
            .step(|| format!("{endpoint} keeps {ready} sessions ready: {report:?}"));
        self.bar(&Selector::endpoint(&endpoint));
        if report.in_use > 0 {
            self.history.reach(Sometimes::EndpointUpdated);
        }
    }

    /// No session and no connect of these keys serves a later caller.
    fn bar(&self, selector: &Selector) {
        let sessions = self.remote.sessions().into_iter();
        let sessions = sessions
            .filter(|session| selects(selector, &session.key))
            .map(|session| session.connect);
        let connects = self.remote.open_connects().into_iter();
        let connects = connects
            .filter(|connect| selects(selector, &connect.key))
            .map(|connect| connect.number);
        self.desk.lock().evictions.bar(sessions.chain(connects));
    }

    fn is_handed(&self, selector: &Selector) -> bool {
        self.handed.iter().any(|key| selects(selector, key))
    }

    fn set_behaviour(&self, action: Action, numbers: &mut Numbers) {
        let fault = match action {
            Action::ConnectBehaviour => connect_fault,
            _ => call_fault,
        };
        let set = behaviour(numbers, fault);
        self.history.step(|| format!("{action:?}: {set:?}"));
        match action {
            Action::ConnectBehaviour => self.remote.on_connect(set),
            Action::CheckBehaviour => self.remote.on_check(set),
            Action::CloseBehaviour => self.remote.on_close(set),
            Action::CallBehaviour => self.remote.on_call(set),
            // Half of the calls must arrive.
            _ if numbers.chance(50) => self.remote.on_delivery(Behaviour::Ok),
            _ => self.remote.on_delivery(set),
        }
    }

    fn fail_next_connect(&self, numbers: &mut Numbers) {
        let fault = connect_fault(numbers);
        self.history
            .step(|| format!("the next connect fails: {fault}"));
        self.remote.fail_next_connect(fault);
    }

    fn set_extraction(&self, numbers: &mut Numbers) {
        let Some(extractor) = &self.extractor else {
            return;
        };
        let set = match numbers.below(6) {
            0..3 => Extraction::Works,
            3 => Extraction::Refuses,
            4 => Extraction::Unavailable,
            _ => Extraction::Slow(numbers.millis(200)),
        };
        self.history.step(|| format!("extractor: {set:?}"));
        extractor.set(set);
    }

    fn forget(&self) {
        let forgotten = self.remote.forget_sessions();
        self.history
            .step(|| format!("the server forgets {forgotten} sessions"));
    }

    fn end_sessions(&self) {
        self.history
            .step(|| "the server ends its sessions".to_owned());
        let sessions = self.remote.sessions().into_iter();
        let ended: Vec<_> = sessions
            .filter(|session| !session.lost)
            .map(|session| session.connect)
            .collect();
        self.remote.end_sessions();
        self.desk.lock().evictions.end(ended);
    }

    fn notify_list_change(&self) {
        self.history.step(|| "a list changes".to_owned());
        let changed = ToolListChangedNotification::default();
        let changed = ServerNotification::ToolListChangedNotification(changed);
        self.remote.notify(&changed);
    }

    /// Moves the clock; every timer up to its new time fires late.
    async fn jump(&mut self, time: Duration) {
        self.history.step(|| format!("the clock jumps by {time:?}"));
        self.handed.clear();
        self.desk.lock().landed = Instant::now() + time;
        tokio::time::advance(time).await;
    }

    /// Cancels a task of one of these callers.
    pub(super) fn cancel(&mut self, numbers: &mut Numbers, of: impl Fn(&Caller) -> bool) {
        let mut state = self.desk.lock();
        let tasks = state.pending.iter();
        let ids: Vec<u64> = tasks
            .filter(|(_, task)| of(&task.caller))
            .map(|(id, _)| *id)
            .collect();
        if ids.is_empty() {
            return;
        }
        let id = numbers.pick(&ids);
        let cancelled = state.pending.remove(&id);
        drop(state);
        self.history.step(|| format!("cancel #{id}"));
        let is_acquire = cancelled.as_ref().is_some_and(|task| task.is_acquire);
        if is_acquire && self.reading.keys.iter().any(|row| row.waiting > 0) {
            self.history.reach(Sometimes::WaiterCancelled);
        }
        self.checking = Some(self.remote.checking());
        if let Some(abort) = cancelled.and_then(|task| task.abort) {
            abort.abort();
        }
    }

    /// A client, with its caller.
    pub(super) fn client(&self, numbers: &mut Numbers) -> Option<Client> {
        let state = self.desk.lock();
        let count = state.clients.len();
        (count > 0).then(|| state.clients[numbers.below(count)].clone())
    }

    /// The index of a lease.
    pub(super) fn lease(&self, numbers: &mut Numbers) -> Option<usize> {
        let count = self.desk.lock().leases.len();
        (count > 0).then(|| numbers.below(count))
    }

    /// One of the callers so far, or a new one.
    pub(super) fn caller(&mut self, numbers: &mut Numbers) -> Arc<Caller> {
        let people = &self.people;
        self.callers.pick(numbers, |numbers| people.caller(numbers))
    }
}
