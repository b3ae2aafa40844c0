//! The hints that replicas leave for each other.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use moka::sync::Cache;
use tokio::{sync::OnceCell, time::Instant};

use super::hint::UpstreamHint;
use crate::types::Endpoint;

/// The hints of upstreams, by canonical URL: read once a process, and left again as long as sessions are
/// opened.
pub(in crate::fleet) struct Hints {
    known: Cache<Box<str>, Arc<KnownHint>, foldhash::fast::RandomState>,
}

/// What is known of the hint of one server.
#[derive(Default)]
pub(in crate::fleet) struct KnownHint {
    /// What another replica had left when this one first looked.
    pub(in crate::fleet) read: OnceCell<Option<ReadHint>>,
    /// What the directory has, and since when.
    left: Mutex<Option<(UpstreamHint, Instant)>>,
}

/// A hint that another replica had left, and when this one read it.
#[derive(Clone)]
pub(in crate::fleet) struct ReadHint {
    pub(in crate::fleet) hint: UpstreamHint,
    pub(in crate::fleet) at: Instant,
}

impl Default for Hints {
    fn default() -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .build_with_hasher(foldhash::fast::RandomState::default());
        Self { known }
    }
}

impl Hints {
    /// What is known of the hint of an endpoint's server.
    pub(in crate::fleet) fn of(&self, endpoint: &Endpoint) -> Arc<KnownHint> {
        let url = endpoint.url().as_str();
        let known = self.known.get(url);
        known.unwrap_or_else(|| self.known.get_with(url.into(), Arc::default))
    }
}

impl KnownHint {
    /// Notes that the directory gets this hint at `now`. `false` where it has it already, and for long
    /// enough.
    pub(in crate::fleet) fn is_news(&self, hint: &UpstreamHint, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |since: Instant| now.saturating_duration_since(since) < KEPT_FOR / 2;
        if left
            .as_ref()
            .is_some_and(|(it, since)| it == hint && is_fresh(*since))
        {
            return false;
        }
        *left = Some((hint.clone(), now));
        true
    }
}

/// As long as connectors and pools keep what they detected themselves.
pub(in crate::fleet) const KEPT_FOR: Duration = Duration::from_secs(600);
/// The directory is queried again for an upstream that was evicted for another one.
const MAX_KNOWN: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Era, TransportKind};

    #[tokio::test(start_paused = true)]
    async fn a_hint_is_left_once_and_again_when_half_its_time_is_over_or_it_has_changed() {
        let known = KnownHint::default();
        let hint = |era| UpstreamHint {
            transport: TransportKind::SSE,
            era,
        };
        let start = Instant::now();
        assert!(known.is_news(&hint(Era::Legacy), start));
        assert!(!known.is_news(&hint(Era::Legacy), start));
        assert!(known.is_news(&hint(Era::Stateless), start));
        assert!(!known.is_news(&hint(Era::Stateless), start + KEPT_FOR / 3));
        assert!(known.is_news(&hint(Era::Stateless), start + KEPT_FOR / 2));
    }
}
