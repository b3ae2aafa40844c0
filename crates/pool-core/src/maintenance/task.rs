//! The one background task of a pool.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{
    closing::Closing, overdue::report_overdue, reclaim::Reclaimer, schedule::Schedule, sweep::sweep,
};
use crate::{
    acquire::{Acquirer, Connects},
    context::{Context, Counters},
    extend::{CloseReason, KeyEvicted},
    key::{ConnectStarter, Job, KeyPool, run_with},
    time::Timestamp,
    types::PoolKey,
};

/// The background task of a pool: it closes sessions, sweeps keys and reclaims capacity.
///
/// It holds the pool weakly and the context strongly: it ends when every [`JobSender`] is gone, that is
/// with the last handle of the pool and the last session, and closes what is left by then with the
/// settings, events and counters of the pool.
///
/// [`JobSender`]: crate::key::JobSender
pub(crate) struct Maintenance {
    inbox: mpsc::UnboundedReceiver<Job>,
    context: Arc<Context>,
    pool: Weak<Acquirer>,
    schedule: Schedule,
    reclaimer: Reclaimer,
    closing: Closing,
    /// When the coarse clock is to be moved on next; `None` while it is not read.
    next_tick: Option<Instant>,
    /// When the next lease is overdue; `None` while no lease is watched.
    next_overdue: Option<Instant>,
}

impl Maintenance {
    pub(crate) fn new(inbox: mpsc::UnboundedReceiver<Job>, pool: &Arc<Acquirer>) -> Self {
        let context = Arc::clone(pool.context());
        Self {
            inbox,
            pool: Arc::downgrade(pool),
            schedule: Schedule::default(),
            reclaimer: Reclaimer::default(),
            closing: Closing::new(Arc::clone(&context)),
            next_tick: None,
            next_overdue: None,
            context,
        }
    }

    pub(crate) async fn run(mut self) {
        // The last one is done first.
        let mut jobs = Vec::with_capacity(JOBS_AT_ONCE);
        loop {
            let received = match jobs.is_empty() {
                true => self.receive(&mut jobs).await,
                false => None,
            };
            if received == Some(0) {
                return;
            }
            self.work(&mut jobs).await;
            self.tick_if_due();
            self.report_overdue();
            let are_more_due = self.sweep_due();
            if are_more_due || !jobs.is_empty() || received == Some(JOBS_AT_ONCE) {
                // Others are to have their turn in between. Where many of them are busy, this task has few
                // turns: so each turn does a part of both, jobs and sweeps.
                yield_now().await;
            }
        }
    }

    /// Waits for jobs, or for the time of what is due next. Returns how many jobs there are; `None` where it is
    /// time, and 0 once no more come.
    async fn receive(&mut self, jobs: &mut Vec<Job>) -> Option<usize> {
        let due = self.schedule.next();
        let due = due.map(|at| self.context.clock.instant(at));
        let times = [due, self.next_tick, self.next_overdue];
        let next = times.into_iter().flatten().min();
        let received = tokio::select! {
            received = self.inbox.recv_many(jobs, JOBS_AT_ONCE) => Some(received),
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => None,
        };
        jobs.reverse();
        received
    }

    /// Does jobs, the last one first, until a slice of time has passed.
    async fn work(&mut self, jobs: &mut Vec<Job>) {
        let began = Instant::now();
        let mut done: usize = 0;
        while let Some(job) = jobs.pop() {
            self.handle(job).await;
            done += 1;
            if done.is_multiple_of(LOOK_AFTER) && began.elapsed() >= SLICE {
                return;
            }
        }
    }

    async fn handle(&mut self, job: Job) {
        match job {
            Job::Close(ending) => self.closing.start(ending),
            Job::Connect(key) => {
                if let Some(key) = self.key(&key) {
                    Connects.start(&key);
                }
            }
            Job::Forget(key, reason) => {
                if let Some(pool) = self.pool.upgrade() {
                    pool.keys.forget(&key);
                }
                self.report_removed(&key, reason);
            }
            Job::Open(grant) => Connects.open(grant),
            Job::KeyRemoved(key, reason) => self.report_removed(&key, reason),
            Job::Reclaim => {
                if let Some(pool) = self.pool.upgrade() {
                    pool.services.capacity.begin_reclaim();
                    self.reclaimer.reclaim(&pool).await;
                }
            }
            Job::SessionEnded(key, id) => {
                if let Some(key) = self.key(&key) {
                    run_with(&key, key.evict_session(id), &Connects);
                }
            }
            Job::Run(work) => drop(self.context.tasks.spawn(work)),
            Job::Sweep(key, at) => self.plan(key, at),
            Job::Tick => self.next_tick = self.context.coarse_clock.tick(),
            Job::WatchLeases => self.next_overdue = Some(Instant::now()),
        }
    }

    fn tick_if_due(&mut self) {
        if self.next_tick.is_some_and(|at| at <= Instant::now()) {
            self.next_tick = self.context.coarse_clock.tick();
        }
    }

    /// Reports the leases that have become overdue.
    fn report_overdue(&mut self) {
        let now = Instant::now();
        if self.next_overdue.is_none_or(|at| at > now) {
            return;
        }
        self.next_overdue = match self.pool.upgrade() {
            Some(pool) => report_overdue(&pool, now),
            None => None,
        };
    }

    fn key(&self, key: &PoolKey) -> Option<Arc<KeyPool>> {
        self.pool.upgrade()?.keys.get(key)
    }

    /// Plans a sweep, unless an earlier one is planned.
    fn plan(&mut self, key: PoolKey, at: Timestamp) {
        if let Some(pool) = self.key(&key)
            && let Some(replaced) = pool.next_sweep.bring_forward(at)
        {
            self.schedule.add(at, key, replaced);
        }
    }

    /// Sweeps the keys that are due; a few at a time, so that jobs are not held up. Returns whether more may
    /// be due.
    fn sweep_due(&mut self) -> bool {
        let now = Instant::now();
        let here = self.context.clock.timestamp(now);
        let Some(pool) = self.pool.upgrade() else {
            self.schedule = Schedule::default();
            return false;
        };
        for done in 0..SWEEPS_AT_ONCE {
            if done > 0 && done.is_multiple_of(LOOK_AFTER) && now.elapsed() >= SLICE {
                return true;
            }
            let Some(due) = self.schedule.pop_due(here) else {
                return false;
            };
            let Some(key) = pool.keys.get(&due.key) else {
                continue;
            };
            if key.next_sweep.is_due_at(due.at)
                && let Some(at) = sweep(&pool.keys, &key, now)
                && let Some(replaced) = key.next_sweep.bring_forward(at)
            {
                self.schedule.add(at, due.key, replaced);
            }
        }
        true
    }

    fn report_removed(&self, key: &PoolKey, reason: CloseReason) {
        let context = &self.context;
        if let Some(answers) = &context.answers {
            answers.remove(key);
        }
        Counters::add(&context.counters.keys_evicted);
        context.events.emit(|observer, pool| {
            observer.key_evicted(&KeyEvicted { pool, key, reason });
        });
    }
}

impl Drop for Maintenance {
    /// The sweep ends the waiting of callers, so that without this task the pool is closed.
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.close();
        }
    }
}

/// The jobs of a turn end after this time, and so do its sweeps, so that they and what they start take less than a
/// millisecond, also where nothing of a key is in a cache. While time is paused it does not pass.
const SLICE: Duration = Duration::from_micros(100);
/// The clock is looked at after so many jobs or sweeps.
const LOOK_AFTER: usize = 5;
/// A sweep takes about 3 µs; one that closes a session, and finds nothing of its key in a cache, takes 20.
const SWEEPS_AT_ONCE: usize = 100;
/// So many jobs are taken at once. A job takes about 1 µs, and some 5 where nothing of its key is in a cache; one that
/// reclaims yields by itself.
const JOBS_AT_ONCE: usize = 100;
