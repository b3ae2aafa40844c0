//! Lists, and what the pool keeps of them.

use std::sync::Arc;

use rmcp::model::PaginatedRequestParams;
use tokio::time::{Instant, timeout};

use super::listing::{Extent, Listing, Page};
use crate::{
    client::{call::Call, pooled_client::PooledClient},
    context::{AnswerCache, Counters, Given, Kept, Subject, credentials_digest},
    error::CallError,
    extend::{Credentials, RequestTarget},
    trace::Target,
    types::Digest,
};

impl PooledClient {
    /// One page of a list. The only page of a list that is kept is given again while it is fresh.
    pub(in crate::client) async fn page<P: Page>(
        &self,
        params: Option<PaginatedRequestParams>,
    ) -> Result<P, CallError> {
        let is_plain = params
            .as_ref()
            .is_none_or(|params| params.cursor.is_none() && params.meta.is_none());
        if !is_plain {
            return last_page(self.fetch(Extent::Page(params)).await?);
        }
        if let Some(kept) = self.kept_list::<P>(Kept::is_one_page).await {
            return Ok(kept);
        }
        let credentials = self.credentials_in_use(&P::SUBJECT).await;
        let listing = self.fetch::<P>(Extent::Page(params)).await?;
        let (era, state) = (listing.era, listing.state);
        let page = last_page(listing)?;
        if page.next_cursor().is_none() && self.keeps(&P::SUBJECT) {
            let given = Given {
                result: &page.clone().into_result(),
                pages: 1,
                era,
                state,
                credentials,
            };
            self.keep(&P::SUBJECT, &given);
        }
        Ok(page)
    }

    /// Every page of a list as one. A list that is kept is given again while it is fresh.
    pub(in crate::client) async fn all_pages<P: Page>(&self) -> Result<P, CallError> {
        if let Some(kept) = self.kept_list::<P>(|_| true).await {
            return Ok(kept);
        }
        let credentials = self.credentials_in_use(&P::SUBJECT).await;
        let listing = self.fetch::<P>(Extent::All).await?;
        let (era, state, pages) = (listing.era, listing.state, listing.pages.len());
        let list = P::merged(listing.pages);
        if self.keeps(&P::SUBJECT) {
            let given = Given {
                result: &list.clone().into_result(),
                pages,
                era,
                state,
                credentials,
            };
            self.keep(&P::SUBJECT, &given);
        }
        Ok(list)
    }

    async fn fetch<P: Page>(&self, extent: Extent) -> Result<Listing<P>, CallError> {
        let mut call = Call::begin(self, P::METHOD, Target::None);
        let result = call.pages(extent).await;
        call.finish(&result);
        result
    }

    /// The list that is kept for this caller, if it is fresh and `fits`.
    async fn kept_list<P: Page>(&self, fits: impl Fn(&Kept) -> bool) -> Option<P> {
        if !self.keeps(&P::SUBJECT) {
            return None;
        }
        let state = self.resolved.latest().key_pool().lists.of(P::LIST);
        let kept = self
            .kept(&P::SUBJECT, state)
            .await
            .filter(|kept| fits(kept));
        self.note_looked_up(&P::SUBJECT, kept.is_some());
        P::from_result(kept?.result().clone())
    }

    /// The answer that is kept for this caller, if it is fresh and shows this version.
    pub(super) async fn kept(&self, subject: &Subject, state: u64) -> Option<Arc<Kept>> {
        let answers = self.answers()?;
        let kept = answers.fresh(self.key(), subject, state, Instant::now())?;
        match kept.only_for() {
            Some(only_for) if self.credentials_in_use(subject).await != Some(only_for) => None,
            _ => Some(kept),
        }
    }

    pub(super) fn keep(&self, subject: &Subject, given: &Given<'_>) {
        if let Some(answers) = self.answers() {
            answers.keep(self.key(), subject, given, Instant::now());
        }
    }

    /// Whether the pool keeps answers about this.
    pub(super) fn keeps(&self, subject: &Subject) -> bool {
        self.answers().is_some_and(|answers| answers.keeps(subject))
    }

    /// A digest of the credentials that this caller's requests are sent with now, where the cache
    /// needs it and they are known.
    pub(super) async fn credentials_in_use(&self, subject: &Subject) -> Option<Digest> {
        if !self.keeps(subject) {
            return None;
        }
        let context = self.context();
        let in_use = Credentials::new(
            Arc::clone(&context.credentials),
            self.key().clone(),
            Arc::clone(self.resolved.latest().key_pool().credentials.shared()),
            Arc::clone(&self.parts.headers),
        );
        let target = RequestTarget::default().for_call(Some(&self.context));
        let headers = timeout(self.timeout, in_use.headers(target)).await;
        let headers = headers.ok()?.ok()?;
        let passed = &context.config.identity.passthrough_headers;
        Some(credentials_digest(&context.secret, &headers, passed))
    }

    pub(super) fn answers(&self) -> Option<&AnswerCache> {
        self.context().answers.as_ref()
    }

    /// Counts a lookup.
    pub(super) fn note_looked_up(&self, subject: &Subject, hit: bool) {
        let context = self.context();
        let counters = &context.counters;
        Counters::add(match (subject, hit) {
            (Subject::Tools, true) => &counters.tool_list_hits,
            (Subject::Tools, false) => &counters.tool_list_misses,
            (_, true) => &counters.answer_hits,
            (_, false) => &counters.answer_misses,
        });
        if *subject == Subject::Tools {
            context.events.emit(|observer, pool| {
                observer.tools_listed(&crate::event::ToolsListed {
                    pool,
                    key: self.key(),
                    hit,
                });
            });
        }
    }
}

fn last_page<P>(mut listing: Listing<P>) -> Result<P, CallError> {
    listing.pages.pop().ok_or(CallError::UnexpectedResult)
}
