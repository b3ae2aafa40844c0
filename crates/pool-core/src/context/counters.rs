//! Totals over the life of a pool.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::extend::{CloseOutcome, CloseReason};

/// Totals over the life of a pool. A key counts its own hits and misses under its lock; here are
/// those of removed keys.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) past_hits: AtomicU64,
    pub(crate) past_misses: AtomicU64,
    pub(crate) anonymous: AtomicU64,
    pub(crate) breaker_trips: AtomicU64,
    pub(crate) check_failures: AtomicU64,
    pub(crate) evictions: AtomicU64,
    pub(crate) keys_evicted: AtomicU64,
    pub(crate) reaped: AtomicU64,
    pub(crate) opened: AtomicU64,
    pub(crate) revived: AtomicU64,
    pub(crate) closed: AtomicU64,
    pub(crate) handed_over: AtomicU64,
    pub(crate) farewells_failed: AtomicU64,
    pub(crate) extract_failures: AtomicU64,
    pub(crate) leases_overdue: AtomicU64,
    pub(crate) list_changes: AtomicU64,
    pub(crate) parts_left_out: AtomicU64,
    pub(crate) answer_hits: AtomicU64,
    pub(crate) answer_misses: AtomicU64,
    pub(crate) tool_list_hits: AtomicU64,
    pub(crate) tool_list_misses: AtomicU64,
    pub(crate) revoked: AtomicU64,
    pub(crate) quota_waits: AtomicU64,
    pub(crate) quota_timeouts: AtomicU64,
    pub(crate) server_stream_changes: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_many(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Adds the counts of a removed key.
    pub(crate) fn keep(&self, hits: u64, misses: u64) {
        self.past_hits.fetch_add(hits, Ordering::Relaxed);
        self.past_misses.fetch_add(misses, Ordering::Relaxed);
    }

    /// Counts a session that was closed.
    pub(crate) fn note_closed(&self, reason: CloseReason, outcome: CloseOutcome) {
        if matches!(outcome, CloseOutcome::Failed | CloseOutcome::TimedOut) {
            Self::add(&self.farewells_failed);
        }
        if outcome == CloseOutcome::HandedOver {
            Self::add(&self.handed_over);
        }
        Self::add(&self.closed);
        match reason {
            CloseReason::Expired | CloseReason::CredentialExpired => Self::add(&self.reaped),
            CloseReason::Evicted
            | CloseReason::Idle
            | CloseReason::Resized
            | CloseReason::Reclaimed => {
                Self::add(&self.evictions);
            }
            _ => {}
        }
    }
}
