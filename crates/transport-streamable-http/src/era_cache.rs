//! Cache of the eras of servers, with a single flight each.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mcp_pool_core::{
    Endpoint,
    extend::{Era, Flight, SingleFlight},
};
use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::time::Instant;

use crate::known_stream::KnownStream;

/// Cache of the eras of servers: one entry a URL, with a time to live.
pub(crate) struct EraCache {
    ttl: Duration,
    servers: Cache<String, Arc<ServerEra>>,
}

/// The era of one server, as far as it is known.
#[derive(Default)]
pub(crate) struct ServerEra {
    known: Mutex<Option<KnownEra>>,
    /// The detection under way; `None` in its outcome means that it ended without proof.
    flights: SingleFlight<Option<Era>>,
    /// What is known of its standalone stream.
    pub(crate) stream: KnownStream,
}

#[derive(Clone, Copy)]
struct KnownEra {
    era: Era,
    expires_at: Option<Instant>,
}

impl EraCache {
    pub(crate) fn new(ttl: Duration) -> Self {
        let servers = Cache::builder()
            .max_capacity(MAX_ENTRIES)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { ttl, servers }
    }

    /// The entry of an endpoint's server.
    pub(crate) fn server(&self, endpoint: &Endpoint) -> Arc<ServerEra> {
        let entry = self
            .servers
            .entry_by_ref(endpoint.url().as_str())
            .or_default();
        entry.into_value()
    }

    /// Returns the era of a server. Runs `detect` unless another caller detects it already.
    ///
    /// `None` means that the detection ended without proof. It is a result for the callers that
    /// wait now; the next caller detects again.
    ///
    /// # Errors
    /// The error of `detect`, for the caller that ran it. The next waiter runs its own `detect`.
    ///
    /// # Cancel safety
    /// Cancel safe: the next waiter runs its `detect`.
    pub(crate) async fn get_or_detect<E>(
        &self,
        server: &ServerEra,
        detect: impl Future<Output = Result<Option<Era>, E>>,
    ) -> Result<Option<Era>, E> {
        let leader = loop {
            match server.flights.join() {
                Flight::Leader(leader) => break leader,
                Flight::Follower(follower) => {
                    if let Some(era) = follower.outcome().await {
                        return Ok(era);
                    }
                    // The leader failed or was cancelled: this caller may lead.
                }
            }
        };
        // A detection may have ended between the caller's look at the cache and its flight.
        if let Some(era) = server.era() {
            leader.finish(Some(era));
            return Ok(Some(era));
        }
        let era = detect.await?;
        if let Some(era) = era {
            server.set(era, self.ttl);
        }
        leader.finish(era);
        Ok(era)
    }

    /// Replaces the era of an endpoint's server.
    pub(crate) fn insert(&self, endpoint: &Endpoint, era: Era) {
        self.server(endpoint).set(era, self.ttl);
    }
}

impl ServerEra {
    /// The detected era, until it expires.
    pub(crate) fn era(&self) -> Option<Era> {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_expired = |at: Instant| at <= Instant::now();
        let known = known.filter(|known| !known.expires_at.is_some_and(is_expired));
        known.map(|known| known.era)
    }

    /// Forgets the era, where it is this one: the server has denied it.
    pub(crate) fn forget(&self, era: Era) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_some_and(|known| known.era == era) {
            *known = None;
        }
    }

    fn set(&self, era: Era, ttl: Duration) {
        let known = KnownEra {
            era,
            expires_at: Instant::now().checked_add(ttl),
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

impl fmt::Debug for EraCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EraCache")
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// An evicted entry costs one request when its server is used again.
const MAX_ENTRIES: u64 = 10_000;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::*;

    const TTL: Duration = Duration::from_secs(60);

    fn endpoint() -> Endpoint {
        Endpoint::streamable_http("https://example.com/mcp").unwrap()
    }

    /// Gets the era. A detection counts itself and takes a second.
    async fn get(
        eras: &EraCache,
        detections: &AtomicUsize,
        result: Result<Option<Era>, ()>,
    ) -> Result<Option<Era>, ()> {
        let server = eras.server(&endpoint());
        if let Some(era) = server.era() {
            return Ok(Some(era));
        }
        let detect = async {
            detections.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            result
        };
        eras.get_or_detect(&server, detect).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_detection_serves_all_callers_until_it_expires() {
        let (eras, count) = (EraCache::new(TTL), AtomicUsize::new(0));
        let era = Ok(Some(Era::Stateless));
        let results = tokio::join!(get(&eras, &count, era), get(&eras, &count, Ok(None)));
        assert_eq!(results, (era, era));
        sleep(TTL - Duration::from_secs(1)).await;
        assert_eq!(get(&eras, &count, Ok(None)).await, era);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(get(&eras, &count, Ok(None)).await, Ok(None), "expired");
    }

    #[tokio::test(start_paused = true)]
    async fn a_detection_without_proof_serves_only_the_callers_that_wait() {
        let (eras, count) = (EraCache::new(TTL), AtomicUsize::new(0));
        let era = Ok(Some(Era::Legacy));
        let results = tokio::join!(get(&eras, &count, Ok(None)), get(&eras, &count, era));
        assert_eq!(results, (Ok(None), Ok(None)));
        assert_eq!(get(&eras, &count, era).await, era);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_waiter_detects_after_an_error_or_a_cancelled_caller() {
        let (eras, count) = (EraCache::new(TTL), AtomicUsize::new(0));
        let era = Ok(Some(Era::Legacy));
        let cancelled = tokio::time::timeout(Duration::from_millis(500), get(&eras, &count, era));
        let results = tokio::join!(cancelled, get(&eras, &count, Ok(None)));
        assert!(results.0.is_err());
        assert_eq!(results.1, Ok(None), "the waiter detected");
        let results = tokio::join!(get(&eras, &count, Err(())), get(&eras, &count, era));
        assert_eq!(results, (Err(()), era));
        assert_eq!(count.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_denied_era_is_forgotten_and_no_other() {
        let eras = EraCache::new(TTL);
        eras.insert(&endpoint(), Era::Stateless);
        let server = eras.server(&endpoint());
        server.forget(Era::Legacy);
        assert_eq!(server.era(), Some(Era::Stateless));
        server.forget(Era::Stateless);
        assert_eq!(server.era(), None);
    }

    #[tokio::test]
    async fn a_new_era_of_a_server_replaces_the_cached_one() {
        let eras = EraCache::new(TTL);
        for era in [Era::Legacy, Era::Stateless, Era::Legacy] {
            eras.insert(&endpoint(), era);
            assert_eq!(eras.server(&endpoint()).era(), Some(era));
        }
        let other = Endpoint::streamable_http("https://example.com/other").unwrap();
        assert_eq!(eras.server(&other).era(), None);
    }
}
