//! The leases that are held, where the pool watches them.

use std::{
    collections::BTreeMap,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    key::{Job, JobSender, PooledSession},
    limits::CallPermit,
    time::after,
};

/// The leases that are held, the oldest first. A pool has none where it does not watch its leases.
pub(crate) struct HeldLeases {
    overdue_after: Duration,
    jobs: JobSender,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By number. A lease that is taken later has a higher one.
    held: BTreeMap<u64, Held>,
    next: u64,
    /// The leases up to this number were reported.
    reported: u64,
    /// True while the maintenance task looks at the leases from time to time.
    is_watched: bool,
}

/// A lease that is held.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) number: u64,
    pub(crate) session: Weak<PooledSession>,
    pub(crate) since: Instant,
    pub(crate) site: &'static Location<'static>,
    /// The permit of the call, where there are quotas of calls.
    _call: Option<Arc<CallPermit>>,
}

/// The guard of a lease that is watched. Dropped before the slot of the lease is released.
pub(super) struct Watched {
    leases: Arc<HeldLeases>,
    number: u64,
}

impl HeldLeases {
    /// Leases are overdue after this time.
    pub(crate) fn new(overdue_after: Duration, jobs: JobSender) -> Self {
        Self {
            overdue_after,
            jobs,
            state: Mutex::default(),
        }
    }

    /// Adds a lease that was taken at `site`.
    pub(super) fn add(
        self: &Arc<Self>,
        session: &Arc<PooledSession>,
        site: &'static Location<'static>,
        call: Option<CallPermit>,
    ) -> Watched {
        let mut state = self.lock();
        state.next += 1;
        let number = state.next;
        let held = Held {
            number,
            session: Arc::downgrade(session),
            since: Instant::now(),
            site,
            _call: call.map(Arc::new),
        };
        state.held.insert(number, held);
        let is_first = !std::mem::replace(&mut state.is_watched, true);
        drop(state);
        if is_first {
            self.jobs.send(Job::WatchLeases);
        }
        Watched {
            leases: Arc::clone(self),
            number,
        }
    }

    /// The leases that have become overdue since the last look, and when the next one will be; `None`
    /// where no lease is left that was not reported, and the looks end.
    pub(crate) fn overdue(&self, now: Instant) -> (Vec<Held>, Option<Instant>) {
        let mut state = self.lock();
        let mut overdue = Vec::new();
        for (_, held) in state.held.range(state.reported + 1..) {
            let at = after(held.since, self.overdue_after);
            if at > now {
                state.reported = held.number - 1;
                return (overdue, Some(at));
            }
            overdue.push(held.clone());
        }
        state.reported = state.next;
        state.is_watched = false;
        (overdue, None)
    }

    /// The leases that are held for the longest time.
    pub(crate) fn oldest(&self, most: usize) -> Vec<Held> {
        self.lock().held.values().take(most).cloned().collect()
    }

    /// Whether a lease held since then is overdue.
    pub(crate) fn is_overdue(&self, since: Instant, now: Instant) -> bool {
        after(since, self.overdue_after) <= now
    }

    /// Calls `end` on the session of a lease, while the lease cannot end by itself. `None` when it has
    /// ended.
    pub(crate) fn end<R>(
        &self,
        number: u64,
        end: impl FnOnce(Arc<PooledSession>) -> R,
    ) -> Option<R> {
        let mut state = self.lock();
        let held = state.held.remove(&number)?;
        // Under the lock, so that the slot does not go to another caller meanwhile.
        let ended = held.session.upgrade().map(end);
        drop(state);
        ended
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let held = self.leases.lock().held.remove(&self.number);
        // Without the lock: the permit of its call may go to another caller.
        drop(held);
    }
}
