//! The sessions that a key keeps ready.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::{
    config::PoolConfig,
    time::Timestamp,
    types::{Endpoint, PoolKey, Scope},
};

/// How many sessions a key keeps ready, and when it opens the next one.
pub(crate) struct Spares {
    least: AtomicUsize,
    /// True while a sweep is planned that opens what is missing.
    is_planned: AtomicBool,
    /// Until when none is opened, since one could not be. In nanoseconds of the pool's clock.
    paused_until: AtomicU64,
}

impl Spares {
    /// `None` for a key that keeps none.
    pub(crate) fn of(key: &PoolKey, config: &PoolConfig) -> Option<Box<Self>> {
        let least = Self::least(key, key.endpoint(), config);
        (least > 0).then(|| Self::new(least))
    }

    pub(crate) fn new(least: usize) -> Box<Self> {
        Box::new(Self {
            least: AtomicUsize::new(least),
            is_planned: AtomicBool::new(false),
            paused_until: AtomicU64::new(0),
        })
    }

    /// How many sessions a key keeps ready under these settings. A conversation keeps none: it has one
    /// session, opened when it is needed.
    pub(crate) fn least(key: &PoolKey, endpoint: &Endpoint, config: &PoolConfig) -> usize {
        let keeps = config.enabled && !matches!(key.scope(), Scope::Conversation(_));
        let least = endpoint.min_idle();
        match keeps {
            true => least.unwrap_or(config.limits.min_idle_per_key),
            false => 0,
        }
    }

    pub(crate) fn wanted(&self) -> usize {
        self.least.load(Ordering::Relaxed)
    }

    pub(crate) fn set_least(&self, least: usize) {
        self.least.store(least, Ordering::Relaxed);
    }

    pub(crate) fn is_planned(&self) -> bool {
        self.is_planned.load(Ordering::Relaxed)
    }

    /// Notes that a sweep is planned. Returns whether one was before.
    pub(crate) fn plan(&self) -> bool {
        self.is_planned.swap(true, Ordering::AcqRel)
    }

    /// The planned sweep has come.
    pub(crate) fn begin(&self) {
        self.is_planned.store(false, Ordering::Release);
    }

    pub(crate) fn pause(&self, until: Timestamp) {
        self.paused_until.store(until.nanos(), Ordering::Relaxed);
        self.is_planned.store(true, Ordering::Release);
    }

    /// The end of the pause, which may have passed.
    pub(crate) fn paused_until(&self) -> Timestamp {
        Timestamp::of_nanos(self.paused_until.load(Ordering::Relaxed))
    }
}
