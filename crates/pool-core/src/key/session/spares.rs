//! The sessions that a key keeps ready.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{
    config::PoolConfig,
    time::Timestamp,
    types::{PoolKey, Scope},
};

/// How many sessions a key keeps ready, and when it opens the next one.
pub(crate) struct Spares {
    pub(crate) least: usize,
    /// True while a sweep is planned that opens what is missing.
    is_planned: AtomicBool,
    /// Until when none is opened, since one could not be. In nanoseconds of the pool's clock.
    paused_until: AtomicU64,
}

impl Spares {
    /// `None` for a key that keeps none: a conversation has one session, opened when it is needed.
    pub(crate) fn of(key: &PoolKey, config: &PoolConfig) -> Option<Box<Self>> {
        let least = key.endpoint().min_idle();
        let least = least.unwrap_or(config.limits.min_idle_per_key);
        let keeps = least > 0 && config.enabled && !matches!(key.scope(), Scope::Conversation(_));
        keeps.then(|| {
            Box::new(Self {
                least,
                is_planned: AtomicBool::new(false),
                paused_until: AtomicU64::new(0),
            })
        })
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
