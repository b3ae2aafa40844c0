//! What callers do in a step.

use std::{sync::Arc, time::Duration};

use super::super::{coverage::Sometimes, numbers::Numbers};
use super::callers::{Caller, Errand, Held};
use super::world::World;

impl World {
    pub(super) fn acquire(&mut self, numbers: &mut Numbers) {
        let caller = self.caller(numbers);
        let errand = self.errand(numbers, &caller, true);
        self.history
            .step(|| format!("#{} {caller} acquires{}", errand.id, errand.leave()));
        let (id, pool) = (errand.id, self.pool.clone());
        let task = tokio::spawn(async move {
            let caller = Arc::clone(&errand.caller);
            errand.acquire(pool.acquire(&caller.request)).await;
        });
        self.desk.attach(id, task.abort_handle());
    }

    pub(super) fn try_acquire(&mut self, numbers: &mut Numbers) {
        let caller = self.caller(numbers);
        let Some(lease) = self.pool.try_acquire(&caller.request) else {
            return;
        };
        let id = self.desk.begin(&caller, true);
        self.history
            .step(|| format!("#{id} {caller} tries to acquire"));
        self.desk.started(id, &caller, caller.limit);
        self.desk.ended(id);
        self.desk.take(id, &caller, lease);
    }

    pub(super) fn acquire_on_client(&mut self, numbers: &mut Numbers) {
        let Some(client) = self.client(numbers) else {
            return;
        };
        let errand = self.errand(numbers, &client.caller, true);
        self.history
            .step(|| format!("#{} the client of {} acquires", errand.id, client.caller));
        self.history.reach(Sometimes::AcquireOnClient);
        let id = errand.id;
        let task = tokio::spawn(async move {
            errand.acquire(client.client.acquire()).await;
        });
        self.desk.attach(id, task.abort_handle());
    }

    pub(super) fn release(&mut self, numbers: &mut Numbers) {
        let Some(held) = self.take_lease(numbers) else {
            return;
        };
        self.history.step(|| format!("{} releases", held.caller));
        let key = held.lease.key().clone();
        drop(held);
        let row = self.reading.of_key(&key);
        let (waiting, connecting) = row.map_or((0, 0), |row| (row.waiting, row.connecting));
        if waiting == 0 {
            return;
        }
        if connecting > 0 {
            self.history.reach(Sometimes::ReturnRacedConnect);
        }
        self.handed.push(key.clone());
        // The session is on its way to a waiter now: the most delicate moment for other steps.
        match numbers.below(8) {
            0 | 1 => self.cancel(numbers, |caller| caller.owns(&key)),
            2 => self.evict(numbers),
            3 => self.revoke(numbers),
            _ => {}
        }
    }

    pub(super) fn discard(&mut self, numbers: &mut Numbers) {
        let Some(held) = self.take_lease(numbers) else {
            return;
        };
        self.history.step(|| format!("{} discards", held.caller));
        held.discard();
    }

    pub(super) fn call_on_lease(&mut self, numbers: &mut Numbers) {
        let Some(held) = self.take_lease(numbers) else {
            return;
        };
        let (errand, limit) = (self.errand(numbers, &held.caller, false), limit(numbers));
        let id = errand.id;
        self.history
            .step(|| format!("#{id} {} calls on its lease within {limit:?}", held.caller));
        let task = tokio::spawn(errand.call_on_lease(held, limit));
        self.desk.attach(id, task.abort_handle());
    }

    pub(super) fn make_client(&mut self, numbers: &mut Numbers) {
        let caller = self.caller(numbers);
        let errand = self.errand(numbers, &caller, false);
        let id = errand.id;
        self.history
            .step(|| format!("#{id} {caller} makes a client"));
        let task = tokio::spawn(errand.make_client(self.pool.clone()));
        self.desk.attach(id, task.abort_handle());
    }

    pub(super) fn call_on_client(&mut self, numbers: &mut Numbers) {
        let Some(client) = self.client(numbers) else {
            return;
        };
        let (errand, limit) = (self.errand(numbers, &client.caller, false), limit(numbers));
        let id = errand.id;
        self.history.step(|| {
            format!(
                "#{id} the client of {} calls within {limit:?}",
                client.caller
            )
        });
        let task = tokio::spawn(errand.call_on_client(client.client, limit));
        self.desk.attach(id, task.abort_handle());
    }

    pub(super) fn drop_client(&mut self, numbers: &mut Numbers) {
        let mut state = self.desk.lock();
        let count = state.clients.len();
        if count == 0 {
            return;
        }
        let client = state.clients.swap_remove(numbers.below(count));
        drop(state);
        self.history
            .step(|| format!("the client of {} is dropped", client.caller));
    }

    fn take_lease(&self, numbers: &mut Numbers) -> Option<Held> {
        let index = self.lease(numbers)?;
        Some(self.desk.lock().leases.swap_remove(index))
    }

    fn errand(&self, numbers: &mut Numbers, caller: &Arc<Caller>, is_acquire: bool) -> Errand {
        let leaves = numbers.chance(15);
        Errand {
            desk: self.desk.clone(),
            id: self.desk.begin(caller, is_acquire),
            caller: Arc::clone(caller),
            leaves_after: leaves.then(|| numbers.millis(100)),
        }
    }
}

fn limit(numbers: &mut Numbers) -> Duration {
    numbers.millis(300)
}
