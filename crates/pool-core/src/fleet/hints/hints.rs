//! The hints that replicas leave for each other.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    /// Notes that the directory had this hint at `now`.
    pub(in crate::fleet) fn is_there(&self, hint: &UpstreamHint, now: Instant) {
        *self.left() = Some((hint.clone(), now));
    }

    /// The leaving of a hint at `now`. `None` where the directory has it already, and for long enough.
    pub(in crate::fleet) fn leaving(
        self: &Arc<Self>,
        hint: &UpstreamHint,
        now: Instant,
    ) -> Option<Leaving> {
        let mut left = self.left();
        let is_fresh = |since: Instant| now.saturating_duration_since(since) < KEPT_FOR / 2;
        if left
            .as_ref()
            .is_some_and(|(it, since)| it == hint && is_fresh(*since))
        {
            return None;
        }
        // Noted before it is left, so that of many sessions at once one leaves it.
        *left = Some((hint.clone(), now));
        Some(Leaving {
            known: Arc::clone(self),
            noted: Some((hint.clone(), now)),
        })
    }

    fn left(&self) -> MutexGuard<'_, Option<(UpstreamHint, Instant)>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hint on its way to the directory. Dropped before it is there, it is news again.
pub(in crate::fleet) struct Leaving {
    known: Arc<KnownHint>,
    /// `None` when it is there.
    noted: Option<(UpstreamHint, Instant)>,
}

impl Leaving {
    /// Ends the leaving: the directory has the hint.
    pub(in crate::fleet) fn end(mut self) {
        self.noted = None;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let Some(noted) = self.noted.take() else {
            return;
        };
        // Another one may have been noted since.
        self.known.left().take_if(|left| *left == noted);
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

    fn hint(era: Era) -> UpstreamHint {
        UpstreamHint {
            transport: TransportKind::SSE,
            era,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_is_left_once_and_again_when_half_its_time_is_over_or_it_has_changed() {
        let known = Arc::new(KnownHint::default());
        let is_news = |era, now| {
            let leaving = known.leaving(&hint(era), now);
            leaving.map(Leaving::end).is_some()
        };
        let start = Instant::now();
        assert!(is_news(Era::Legacy, start));
        assert!(!is_news(Era::Legacy, start));
        assert!(is_news(Era::Stateless, start));
        assert!(!is_news(Era::Stateless, start + KEPT_FOR / 3));
        assert!(is_news(Era::Stateless, start + KEPT_FOR / 2));
        known.is_there(&hint(Era::Legacy), start);
        assert!(!is_news(Era::Legacy, start));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_that_did_not_arrive_is_left_by_the_next_session() {
        let known = Arc::new(KnownHint::default());
        let start = Instant::now();
        let first = known.leaving(&hint(Era::Legacy), start);
        assert!(known.leaving(&hint(Era::Legacy), start).is_none());
        drop(first);
        let second = known.leaving(&hint(Era::Legacy), start);
        let changed = known.leaving(&hint(Era::Stateless), start);
        drop(second.expect("news again"));
        changed.expect("another hint").end();
        assert!(known.leaving(&hint(Era::Stateless), start).is_none());
    }
}
