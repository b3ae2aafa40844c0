//! What a recorder has recorded.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use mcp_pool_core::event::CloseReason;

use super::{
    histogram::{Counts, Histogram},
    incidents::Incidents,
};

/// What a recorder has recorded.
#[derive(Default)]
pub(super) struct Records {
    /// True once a pool has the recorder for an observer.
    pub(super) is_attached: AtomicBool,
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) failed_acquires: AtomicU64,
    pub(super) failed_calls: AtomicU64,
    pub(super) waits: Histogram,
    pub(super) calls: Histogram,
    closes: Closes,
    pub(super) incidents: Incidents,
}

/// The closed sessions by reason.
struct Closes(Vec<AtomicU64>);

/// What was recorded up to a point in time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) failed_acquires: u64,
    pub(crate) failed_calls: u64,
    pub(crate) waits: Counts,
    pub(crate) calls: Counts,
    pub(crate) closes: BTreeMap<&'static str, u64>,
    pub(crate) incidents: u64,
}

impl Default for Closes {
    fn default() -> Self {
        Self(CloseReason::ALL.iter().map(|_| AtomicU64::new(0)).collect())
    }
}

impl Records {
    pub(super) fn count_close(&self, reason: CloseReason) {
        let index = CloseReason::ALL.iter().position(|known| *known == reason);
        if let Some(count) = index.and_then(|index| self.closes.0.get(index)) {
            add(count);
        }
    }

    pub(super) fn reading(&self) -> Reading {
        let closes = CloseReason::ALL.iter().zip(&self.closes.0);
        let closes = closes.map(|(reason, count)| (reason.as_str(), read(count)));
        Reading {
            hits: read(&self.hits),
            misses: read(&self.misses),
            failed_acquires: read(&self.failed_acquires),
            failed_calls: read(&self.failed_calls),
            waits: self.waits.counts(),
            calls: self.calls.counts(),
            closes: closes.filter(|(_, count)| *count > 0).collect(),
            incidents: self.incidents.total(),
        }
    }
}

/// Counts one more.
#[inline]
pub(super) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
