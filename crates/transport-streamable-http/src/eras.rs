//! What is known of the eras of servers.

use std::{fmt, sync::Arc, time::Duration};

use mcp_pool_core::{Endpoint, Era};
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
