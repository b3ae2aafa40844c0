//! The end of a world: the pool is closed, and nothing may be left.

use std::{collections::HashSet, time::Duration};

use tokio::runtime::Handle;

use super::super::{coverage::Sometimes, numbers::Numbers, oracle::Reading};
use super::callers::tool;
use super::config::LONGEST;
use super::world::{World, settle};

impl World {
    /// Closes the pool and checks that every session is closed, every caller served or refused, and
    /// every call executed as reported.
    pub(super) async fn end(mut self, numbers: &mut Numbers) {
        if numbers.chance(50) {
            settle().await;
            self.check(true);
        }
        if numbers.chance(30) {
            let leases = std::mem::take(&mut self.desk.lock().leases);
            drop(leases);
        }
        let timeout = Duration::from_millis(numbers.below(200) as u64);
        self.history
            .step(|| format!("close the pool within {timeout:?}"));
        let report = self.pool.close(timeout).await;
        if report.turned_away > 0 {
            self.history.reach(Sometimes::CloseTurnedAway);
        }
        if report.forced > 0 {
            self.history.reach(Sometimes::CloseCut);
        }
        self.history.step(|| format!("{report:?}"));
        // Longer than every time limit of the world.
        tokio::time::sleep(Duration::from_millis(4 * LONGEST)).await;
        settle().await;
        self.check_callers();
        let leases = std::mem::take(&mut self.desk.lock().leases);
        drop(leases);
        tokio::time::sleep(Duration::from_millis(4 * LONGEST)).await;
        settle().await;
        self.check_sessions();
        self.check_calls();
        self.check_tasks().await;
    }

    fn check_callers(&self) {
        let state = self.desk.lock();
        let waits = state.pending.keys().next().copied();
        drop(state);
        if let Some(id) = waits {
            let detail = || format!("#{id} has not ended after the close of the pool");
            self.history.violate("stranded_by_close", detail);
        }
    }

    fn check_sessions(&self) {
        let reading = Reading::of(&self.pool);
        let (status, calls) = (&reading.status, reading.calls_in_flight());
        if calls > 0 {
            let detail = || format!("{calls} calls count for a quota");
            self.history.violate("call_left", detail);
        }
        let (open, connecting) = (self.remote.open(), self.remote.connecting());
        if open + connecting > 0 {
            let detail = || format!("{open} sessions and {connecting} connects on the server");
            self.history.violate("session_left", detail);
        }
        if status.sessions > 0 {
            let detail = || format!("{} permits of sessions", status.sessions);
            self.history.violate("permit_left", detail);
        }
        if status.sessions_opened != status.sessions_closed {
            let detail = || {
                let (opened, closed) = (status.sessions_opened, status.sessions_closed);
                format!("{opened} sessions opened, {closed} closed")
            };
            self.history.violate("session_not_counted", detail);
        }
    }

    fn check_calls(&self) {
        let calls = self.desk.lock().ledger.calls();
        let mut requests = HashSet::new();
        for call in calls {
            self.desk.judge(call);
            for arrival in self.remote.arrivals(&tool(call)) {
                let detail = || format!("call {call} came with the id of another request");
                if !requests.insert(arrival.request) {
                    self.history.violate("id_reused", detail);
                }
            }
        }
    }

    /// Drops the pool and its clients; no task may be left.
    async fn check_tasks(self) {
        let clients = std::mem::take(&mut self.desk.lock().clients);
        drop(clients);
        let history = self.history.clone();
        // The requests of the callers go as well, since each holds what the pool resolved.
        drop(self);
        tokio::time::sleep(Duration::from_millis(4 * LONGEST)).await;
        settle().await;
        let tasks = Handle::current().metrics().num_alive_tasks();
        if tasks > 0 {
            history.violate("task_left", || format!("{tasks} tasks"));
        }
    }
}
