//! What holds for the callers of a world.

use tokio::time::Instant;

use super::desk::{Desk, TICK, tool};

impl Desk {
    /// Compares a call with the ledger of the server. Returns the number of its arrivals.
    pub(in super::super) fn judge(&self, call: u64) -> usize {
        let arrivals = self.remote.arrivals(&tool(call));
        let state = self.lock();
        let broken = state.ledger.judge(call, &arrivals, &state.evictions);
        drop(state);
        if let Some((name, detail)) = broken {
            self.history
                .violate(name, || format!("call {call}: {detail}"));
        }
        arrivals.len()
    }

    /// With no task ready, each waiter of the pool is a task.
    pub(in super::super) fn check_waiters(&self, waiting: usize) {
        let tasks = self.lock().pending.len();
        if waiting > tasks {
            let detail = || format!("{waiting} callers wait, {tasks} tasks run");
            self.history.violate("waits_for_no_caller", detail);
        }
    }

    /// With no task ready, each slot in use is a lease, belongs to a task, or is checked in the background.
    pub(in super::super) fn check_slots(&self, in_use: usize) {
        let (held, tasks) = (self.usage.held(), self.lock().pending.len());
        let checks = self.remote.checking();
        if in_use > held + tasks + checks {
            let detail =
                || format!("{in_use} slots, {held} leases, {tasks} tasks, {checks} checks");
            self.history.violate("slot_left", detail);
        }
    }

    /// With no task ready, each call that counts for a quota is a lease or belongs to a task.
    pub(in super::super) fn check_calls(&self, calls: usize) {
        let (held, tasks) = (self.usage.held(), self.lock().pending.len());
        if calls > held + tasks {
            let detail = || format!("{calls} calls, {held} leases, {tasks} tasks");
            self.history.violate("call_left", detail);
        }
    }

    /// Reports each task that is past its deadline though no task is ready.
    pub(in super::super) fn check_deadlines(&self) {
        let now = Instant::now();
        let state = self.lock();
        let late = state.pending.iter().find(|(_, task)| {
            let deadline = task.deadline.unwrap_or(now);
            now.saturating_duration_since(deadline) > TICK
        });
        if let Some((id, _)) = late {
            let detail = || format!("#{id} has not ended after its deadline");
            self.history.violate("stranded", detail);
        }
    }
}
