//! What is known of the eras of servers.

use std::{fmt, sync::Arc, time::Duration};

use mcp_pool_core::{Endpoint, extend::Era};
use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::{sync::OnceCell, time::Instant};

/// What is known of the eras of servers: one verdict a URL, for a while.
pub(crate) struct EraCache {
    remember: Duration,
    known: Cache<String, Arc<EraFlight>>,
}

/// The question of which era a server is. Whoever asks while somebody else is finding out waits for
/// what they find.
#[derive(Default)]
pub(crate) struct EraFlight(OnceCell<Found>);

#[derive(Clone, Copy)]
struct Found {
    /// `None`: nothing that could be relied on.
    era: Option<Era>,
    until: Instant,
}

impl EraCache {
    pub(crate) fn new(remember: Duration) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { remember, known }
    }

    /// The question of which era the server of an endpoint is, or what was found of it.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Arc<EraFlight> {
        let now = Instant::now();
        let entry = self
            .known
            .entry_by_ref(endpoint.url().as_str())
            .or_insert_with_if(Arc::default, |flight| flight.is_over(now));
        entry.into_value()
    }

    /// Finds out, unless somebody else is about it or has done so. `None` says that nothing could
    /// be relied on that was found; whoever asks next finds out anew.
    ///
    /// # Errors
    /// That of `find`, which then tells nobody else anything: the next in line finds out.
    ///
    /// # Cancel safety
    /// Safe: the next in line finds out.
    pub(crate) async fn find_out<E>(
        &self,
        flight: &EraFlight,
        find: impl Future<Output = Result<Option<Era>, E>>,
    ) -> Result<Option<Era>, E> {
        let find = async { find.await.map(|era| self.found(era)) };
        let found = flight.0.get_or_try_init(|| find).await?;
        Ok(found.era)
    }

    /// Notes what a server has turned out to be.
    pub(crate) fn learn(&self, endpoint: &Endpoint, era: Era) {
        let flight = EraFlight(OnceCell::new_with(Some(self.found(Some(era)))));
        let url = endpoint.url().to_string();
        self.known.insert(url, Arc::new(flight));
    }

    fn found(&self, era: Option<Era>) -> Found {
        let now = Instant::now();
        let until = era.and_then(|_| now.checked_add(self.remember));
        Found {
            era,
            until: until.unwrap_or(now),
        }
    }
}

impl EraFlight {
    /// What was found, if anybody has asked before.
    pub(crate) fn known(&self) -> Option<Era> {
        self.0.get()?.era
    }

    fn is_over(&self, now: Instant) -> bool {
        self.0.get().is_some_and(|found| found.until <= now)
    }
}

impl fmt::Debug for EraCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EraCache")
            .field("remember", &self.remember)
            .finish_non_exhaustive()
    }
}

/// A server forgotten for another one costs a request.
const MAX_KNOWN: u64 = 10_000;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::*;

    const REMEMBER: Duration = Duration::from_secs(60);

    fn endpoint() -> Endpoint {
        Endpoint::streamable_http("https://example.com/mcp").unwrap()
    }

    /// Asks; whoever has to find out finds `answer`, after a second.
    async fn ask(
        eras: &EraCache,
        sent: &AtomicUsize,
        answer: Result<Option<Era>, ()>,
    ) -> Result<Option<Era>, ()> {
        let flight = eras.of(&endpoint());
        if let Some(era) = flight.known() {
            return Ok(Some(era));
        }
        let find = async {
            sent.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            answer
        };
        eras.find_out(&flight, find).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_finds_out_for_all_and_it_is_known_for_a_while() {
        let (eras, sent) = (EraCache::new(REMEMBER), AtomicUsize::new(0));
        let era = Ok(Some(Era::Stateless));
        let answers = tokio::join!(ask(&eras, &sent, era), ask(&eras, &sent, Ok(None)));
        assert_eq!(answers, (era, era));
        sleep(REMEMBER - Duration::from_secs(1)).await;
        assert_eq!(ask(&eras, &sent, Ok(None)).await, era);
        assert_eq!(sent.load(Ordering::SeqCst), 1);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(ask(&eras, &sent, Ok(None)).await, Ok(None), "forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn what_proves_nothing_serves_those_who_wait_and_nobody_after_them() {
        let (eras, sent) = (EraCache::new(REMEMBER), AtomicUsize::new(0));
        let era = Ok(Some(Era::Legacy));
        let answers = tokio::join!(ask(&eras, &sent, Ok(None)), ask(&eras, &sent, era));
        assert_eq!(answers, (Ok(None), Ok(None)));
        assert_eq!(ask(&eras, &sent, era).await, era);
        assert_eq!(sent.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_cannot_ask_or_leaves_hands_the_question_on() {
        let (eras, sent) = (EraCache::new(REMEMBER), AtomicUsize::new(0));
        let era = Ok(Some(Era::Legacy));
        let brief = tokio::time::timeout(Duration::from_millis(500), ask(&eras, &sent, era));
        let answers = tokio::join!(brief, ask(&eras, &sent, Err(())), ask(&eras, &sent, era));
        assert!(answers.0.is_err());
        assert_eq!((answers.1, answers.2), (Err(()), era));
        assert_eq!(sent.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn what_a_server_turns_out_to_be_replaces_what_it_was() {
        let eras = EraCache::new(REMEMBER);
        for era in [Era::Legacy, Era::Stateless, Era::Legacy] {
            eras.learn(&endpoint(), era);
            assert_eq!(eras.of(&endpoint()).known(), Some(era));
        }
        let other = Endpoint::streamable_http("https://example.com/other").unwrap();
        assert_eq!(eras.of(&other).known(), None);
    }
}
