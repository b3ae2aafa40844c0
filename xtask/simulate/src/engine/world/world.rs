//! The parts of a world, and how it goes from step to step.

use std::time::Duration;

use mcp_pool_core::{PoolKey, SessionPool};
use mcp_pool_testkit::fake::{self, Remote};
use tokio::{runtime::Handle, time::Instant};

use super::super::{
    coverage::Sometimes,
    history::History,
    numbers::Numbers,
    oracle::{IDLE_KEPT, Reading, check_always, check_settled},
    plan::{Pause, Step},
};
use super::callers::{Callers, Desk, People, Rules};
use super::config::{LONGEST, config, with_call_quotas, with_upkeep};
use super::extractor::Extractor;
use super::observer::Recorder;

/// A pool, its callers and a server on simulated time.
pub(super) struct World {
    pub(super) pool: SessionPool,
    pub(super) remote: Remote,
    pub(super) desk: Desk,
    pub(super) history: History,
    pub(super) people: People,
    pub(super) callers: Callers,
    pub(super) extractor: Option<Extractor>,
    /// The counts after the last step.
    pub(super) reading: Reading,
    /// The keys of which a session may be on its way to a waiter.
    pub(super) handed: Vec<PoolKey>,
    /// The checks under way when the last step cancelled a task.
    pub(super) checking: Option<usize>,
    /// Since when sessions are idle that other keys seek.
    kept_since: Option<Instant>,
}

impl World {
    pub(super) fn new(seed: u64, history: History) -> crate::Result<Self> {
        let mut numbers = Numbers::new(seed, CONFIGURATION);
        let config = with_upkeep(config(&mut numbers), &mut Numbers::new(seed, UPKEEP));
        let config = with_call_quotas(config, &mut Numbers::new(seed, CALLS));
        let extractor = numbers.chance(60).then(Extractor::new);
        let people = People::new(&mut numbers, &config, extractor.is_some());
        let (connector, remote) = fake::connector();
        remote.keep_ledger();
        let desk = Desk::new(history.clone(), remote.clone(), Rules::of(&config));
        history.step(|| format!("{config:?}"));
        let builder = SessionPool::builder()
            .config(config)
            .connector(connector)
            .random_seed(seed);
        let builder = match &extractor {
            Some(extractor) => builder.extractor(extractor.clone()),
            None => builder,
        };
        // Without an observer a pool takes shorter paths.
        let builder = match numbers.chance(75) {
            true => builder.observer(Recorder::new(history.clone())),
            false => builder,
        };
        let pool = builder.build()?;
        Ok(Self {
            reading: Reading::of(&pool),
            pool,
            remote,
            desk,
            history,
            people,
            callers: Callers::default(),
            extractor,
            handed: Vec::new(),
            checking: None,
            kept_since: None,
        })
    }

    /// Takes a step, lets the tasks run, and checks the world.
    pub(super) async fn step(&mut self, step: &Step) {
        self.history.begin_step(Some(step.number));
        self.act(step.action, &mut Numbers::new(step.draws, 0))
            .await;
        match step.pause {
            Pause::None => {}
            Pause::Partial => {
                self.handed.clear();
                tokio::task::yield_now().await;
            }
            Pause::Settled => {
                self.handed.clear();
                settle().await;
            }
        }
        self.check(step.pause == Pause::Settled);
    }

    /// True where idle sessions were kept for longer than any takes to open, while other keys seek one.
    fn is_kept_too_long(&mut self) -> bool {
        let now = Instant::now();
        let unused = self.reading.idle_for();
        let since = self.kept_since.filter(|since| now - *since <= unused);
        let since = *self.kept_since.insert(since.unwrap_or(now));
        now - since > Duration::from_millis(LONGEST)
    }

    /// Compares the pool with its limits, and, where no task is ready, with the server.
    pub(super) fn check(&mut self, is_settled: bool) {
        self.reading = Reading::of(&self.pool);
        let mut broken = check_always(&self.reading);
        if is_settled {
            broken = broken.or_else(|| check_settled(&self.reading, &self.remote));
            broken = broken.filter(|(name, _)| *name != IDLE_KEPT || self.is_kept_too_long());
            if broken.is_none() && !self.reading.has_idle_that_is_sought() {
                self.kept_since = None;
            }
            let keys = &self.reading.keys;
            self.desk
                .check_waiters(keys.iter().map(|row| row.waiting).sum());
            self.desk
                .check_slots(keys.iter().map(|row| row.in_use).sum());
            self.desk.check_calls(self.reading.calls_in_flight());
            self.desk.check_deadlines();
        }
        if let Some((name, detail)) = broken {
            self.history.violate(name, || detail);
        }
        let is_full = |row: &mcp_pool_core::stats::KeyStats| {
            row.waiting > 0 && row.connecting == 0 && row.available + row.active == row.max
        };
        if self.reading.keys.iter().any(is_full) {
            self.history.reach(Sometimes::QueueFull);
        }
        if self.remote.checking() > 0 && self.desk.lock().pending.is_empty() {
            self.history.reach(Sometimes::KeptAlive);
        }
        if let Some(before) = self.checking.take()
            && self.remote.checking() < before
        {
            self.history.reach(Sometimes::CheckCancelled);
        }
    }

    /// Lets time pass. Each timer fires at its time.
    pub(super) async fn flow(&mut self, time: Duration) {
        self.handed.clear();
        tokio::time::sleep(time).await;
    }
}

/// Lets the tasks run until none is ready. No time passes.
pub(super) async fn settle() {
    let metrics = Handle::current().metrics();
    for _ in 0..MOST_YIELDS {
        tokio::task::yield_now().await;
        if is_idle(&metrics) {
            return;
        }
    }
}

#[cfg(tokio_unstable)]
fn is_idle(metrics: &tokio::runtime::RuntimeMetrics) -> bool {
    metrics.worker_local_queue_depth(0) + metrics.global_queue_depth() == 0
}

/// Without tokio's depth of its queue, every settling takes the most yields.
#[cfg(not(tokio_unstable))]
fn is_idle(_metrics: &tokio::runtime::RuntimeMetrics) -> bool {
    false
}

#[cfg(tokio_unstable)]
const MOST_YIELDS: usize = 100_000;

#[cfg(not(tokio_unstable))]
const MOST_YIELDS: usize = 16;

const CONFIGURATION: u64 = 2;
/// A stream of its own, so that the rest of a configuration is as without it.
const UPKEEP: u64 = 5;
const CALLS: u64 = 6;
