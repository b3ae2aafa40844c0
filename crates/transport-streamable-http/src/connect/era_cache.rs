//! Cache of the eras of servers, with a single flight each.

use std::{fmt, sync::Arc, time::Duration};

use mcp_pool_core::{Endpoint, extend::Era};
use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::{sync::OnceCell, time::Instant};

/// Cache of the eras of servers: one entry a URL, with a time to live.
pub(crate) struct EraCache {
    ttl: Duration,
    flights: Cache<String, Arc<EraFlight>>,
}

/// The detection of one server's era.
///
/// Single flight: one caller detects, the others wait for its result.
#[derive(Default)]
pub(crate) struct EraFlight(OnceCell<DetectedEra>);

/// The result of a detection.
#[derive(Clone, Copy)]
struct DetectedEra {
    /// `None`: the detection ended without proof.
    era: Option<Era>,
    expires_at: Instant,
}

impl EraCache {
    pub(crate) fn new(ttl: Duration) -> Self {
        let flights = Cache::builder()
            .max_capacity(MAX_ENTRIES)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { ttl, flights }
    }

    /// Returns the flight for an endpoint's URL; a new one if it has expired.
    pub(crate) fn flight(&self, endpoint: &Endpoint) -> Arc<EraFlight> {
        let now = Instant::now();
        let entry = self
            .flights
            .entry_by_ref(endpoint.url().as_str())
            .or_insert_with_if(Arc::default, |flight| flight.is_expired(now));
        entry.into_value()
    }

    /// Returns the detected era. Runs `detect` unless the flight has a result.
    ///
    /// `None` means that the detection ended without proof. It is a result for the callers that
    /// wait now, and expires at once, so that the next caller detects again.
    ///
    /// # Errors
    /// The error of `detect`. The flight stays without a result: the next waiter runs its `detect`.
    ///
    /// # Cancel safety
    /// Cancel safe: the next waiter runs its `detect`.
    pub(crate) async fn get_or_detect<E>(
        &self,
        flight: &EraFlight,
        detect: impl Future<Output = Result<Option<Era>, E>>,
    ) -> Result<Option<Era>, E> {
        let detect = async { detect.await.map(|era| self.detected(era)) };
        let detected = flight.0.get_or_try_init(|| detect).await?;
        Ok(detected.era)
    }

    /// Replaces the era of an endpoint's server.
    pub(crate) fn insert(&self, endpoint: &Endpoint, era: Era) {
        let flight = EraFlight(OnceCell::new_with(Some(self.detected(Some(era)))));
        let url = endpoint.url().to_string();
        self.flights.insert(url, Arc::new(flight));
    }

    fn detected(&self, era: Option<Era>) -> DetectedEra {
        let now = Instant::now();
        let expires_at = era.and_then(|_| now.checked_add(self.ttl));
        DetectedEra {
            era,
            expires_at: expires_at.unwrap_or(now),
        }
    }
}

impl EraFlight {
    /// The detected era, if the flight has a result with proof.
    pub(crate) fn era(&self) -> Option<Era> {
        self.0.get()?.era
    }

    fn is_expired(&self, now: Instant) -> bool {
        self.0
            .get()
            .is_some_and(|detected| detected.expires_at <= now)
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
        let flight = eras.flight(&endpoint());
        if let Some(era) = flight.era() {
            return Ok(Some(era));
        }
        let detect = async {
            detections.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            result
        };
        eras.get_or_detect(&flight, detect).await
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
        let results = tokio::join!(
            cancelled,
            get(&eras, &count, Err(())),
            get(&eras, &count, era)
        );
        assert!(results.0.is_err());
        assert_eq!((results.1, results.2), (Err(()), era));
        assert_eq!(count.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_new_era_of_a_server_replaces_the_cached_one() {
        let eras = EraCache::new(TTL);
        for era in [Era::Legacy, Era::Stateless, Era::Legacy] {
            eras.insert(&endpoint(), era);
            assert_eq!(eras.flight(&endpoint()).era(), Some(era));
        }
        let other = Endpoint::streamable_http("https://example.com/other").unwrap();
        assert_eq!(eras.flight(&other).era(), None);
    }
}
