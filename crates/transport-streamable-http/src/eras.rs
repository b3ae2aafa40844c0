//! What is known of the eras of servers.

use std::{fmt, sync::Arc, time::Duration};

use mcp_pool_core::{Endpoint, extend::Era};
use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::{sync::OnceCell, time::Instant};

/// What is known of the eras of servers: one verdict a URL, for a while.
pub(crate) struct Eras {
    remember: Duration,
    known: Cache<String, Arc<Inquiry>>,
}

/// The question of which era a server is. Whoever asks while somebody else is finding out waits for
/// what they find.
#[derive(Default)]
pub(crate) struct Inquiry(OnceCell<Found>);

#[derive(Clone, Copy)]
struct Found {
    /// `None`: nothing that could be relied on.
    era: Option<Era>,
    until: Instant,
}

impl Eras {
    pub(crate) fn new(remember: Duration) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_KNOWN)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { remember, known }
    }

    /// The question of which era the server of an endpoint is, or what was found of it.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Arc<Inquiry> {
        let now = Instant::now();
        let entry = self
            .known
            .entry_by_ref(endpoint.url().as_str())
            .or_insert_with_if(Arc::default, |inquiry| inquiry.is_over(now));
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
        inquiry: &Inquiry,
        find: impl Future<Output = Result<Option<Era>, E>>,
    ) -> Result<Option<Era>, E> {
        let find = async { find.await.map(|era| self.found(era)) };
        let found = inquiry.0.get_or_try_init(|| find).await?;
        Ok(found.era)
    }

    /// Notes what a server has turned out to be.
    pub(crate) fn learn(&self, endpoint: &Endpoint, era: Era) {
        let inquiry = Inquiry(OnceCell::new_with(Some(self.found(Some(era)))));
        let url = endpoint.url().to_string();
        self.known.insert(url, Arc::new(inquiry));
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

impl Inquiry {
    /// What was found, if anybody has asked before.
    pub(crate) fn known(&self) -> Option<Era> {
        self.0.get()?.era
    }

    fn is_over(&self, now: Instant) -> bool {
        self.0.get().is_some_and(|found| found.until <= now)
    }
}

impl fmt::Debug for Eras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eras")
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
        eras: &Eras,
        asked: &AtomicUsize,
        answer: Result<Option<Era>, ()>,
    ) -> Result<Option<Era>, ()> {
        let inquiry = eras.of(&endpoint());
        if let Some(era) = inquiry.known() {
            return Ok(Some(era));
        }
        let find = async {
            asked.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            answer
        };
        eras.find_out(&inquiry, find).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_finds_out_for_all_and_it_is_known_for_a_while() {
        let (eras, asked) = (Eras::new(REMEMBER), AtomicUsize::new(0));
        let era = Ok(Some(Era::Stateless));
        let answers = tokio::join!(ask(&eras, &asked, era), ask(&eras, &asked, Ok(None)));
        assert_eq!(answers, (era, era));
        sleep(REMEMBER - Duration::from_secs(1)).await;
        assert_eq!(ask(&eras, &asked, Ok(None)).await, era);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(ask(&eras, &asked, Ok(None)).await, Ok(None), "forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn what_proves_nothing_serves_those_who_wait_and_nobody_after_them() {
        let (eras, asked) = (Eras::new(REMEMBER), AtomicUsize::new(0));
        let era = Ok(Some(Era::Legacy));
        let answers = tokio::join!(ask(&eras, &asked, Ok(None)), ask(&eras, &asked, era));
        assert_eq!(answers, (Ok(None), Ok(None)));
        assert_eq!(ask(&eras, &asked, era).await, era);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_cannot_ask_or_leaves_hands_the_question_on() {
        let (eras, asked) = (Eras::new(REMEMBER), AtomicUsize::new(0));
        let era = Ok(Some(Era::Legacy));
        let brief = tokio::time::timeout(Duration::from_millis(500), ask(&eras, &asked, era));
        let answers = tokio::join!(brief, ask(&eras, &asked, Err(())), ask(&eras, &asked, era));
        assert!(answers.0.is_err());
        assert_eq!((answers.1, answers.2), (Err(()), era));
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn what_a_server_turns_out_to_be_replaces_what_it_was() {
        let eras = Eras::new(REMEMBER);
        for era in [Era::Legacy, Era::Stateless, Era::Legacy] {
            eras.learn(&endpoint(), era);
            assert_eq!(eras.of(&endpoint()).known(), Some(era));
        }
        let other = Endpoint::streamable_http("https://example.com/other").unwrap();
        assert_eq!(eras.of(&other).known(), None);
    }
}
