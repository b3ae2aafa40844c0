//! Lists of tools, and what the pool keeps of them.

use std::sync::Arc;

use rmcp::model::{CacheScope, ListToolsResult, PaginatedRequestParams, Tool};
use tokio::time::{Instant, timeout};

use super::listing::{Extent, Listing};
use crate::{
    client::call::Call,
    client::pooled_client::PooledClient,
    context::{Counters, Given, Kept, ToolLists, credentials_digest},
    error::CallError,
    extend::{Credentials, RequestTarget},
    trace::Target,
    types::Digest,
};

impl PooledClient {
    /// One page of `tools/list`. A cursor is worth something only on the session it came from; to
    /// read several pages use [`list_all_tools`](Self::list_all_tools).
    ///
    /// With [`PoolConfig::tool_list_ttl`](crate::PoolConfig) a list of a single page that was had
    /// before is given again while it is fresh, without asking the server.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`CallError::UnexpectedResult`] when the server answered
    /// with a result of another kind.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
    ) -> Result<ListToolsResult, CallError> {
        let is_plain = params
            .as_ref()
            .is_none_or(|params| params.cursor.is_none() && params.meta.is_none());
        if !is_plain {
            return last_page(self.ask_for_tools(Extent::Page(params)).await?);
        }
        if let Some(kept) = self.kept_tools(Kept::is_one_page).await {
            return Ok(kept);
        }
        let credentials = self.credentials_in_use().await;
        let listing = self.ask_for_tools(Extent::Page(params)).await?;
        let (era, state) = (listing.era, listing.state);
        let list = last_page(listing)?;
        if list.next_cursor.is_none() {
            self.keep_tools(&Given {
                list: &list,
                pages: 1,
                era,
                state,
                credentials,
            });
        }
        Ok(list)
    }

    /// Every page of `tools/list`, all on one session. Should that session be lost half-way, the
    /// listing starts again from its first page on another one, once.
    ///
    /// With [`PoolConfig::tool_list_ttl`](crate::PoolConfig) a list that was had before is given
    /// again while it is fresh, without asking the server.
    ///
    /// # Errors
    /// As [`request`](Self::request), [`CallError::UnexpectedResult`] when the server answered with
    /// a result of another kind, and [`CallError::ListTooLong`].
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn list_all_tools(&self) -> Result<Vec<Tool>, CallError> {
        if let Some(kept) = self.kept_tools(|_| true).await {
            return Ok(kept.tools);
        }
        let credentials = self.credentials_in_use().await;
        let listing = self.ask_for_tools(Extent::All).await?;
        let (era, state, pages) = (listing.era, listing.state, listing.pages.len());
        let list = merged(listing.pages);
        self.keep_tools(&Given {
            list: &list,
            pages,
            era,
            state,
            credentials,
        });
        Ok(list.tools)
    }

    async fn ask_for_tools(&self, extent: Extent) -> Result<Listing<ListToolsResult>, CallError> {
        let mut call = Call::begin(self, "tools/list", Target::None);
        let result = call.pages(extent).await;
        call.finish(&result);
        result
    }

    /// The list that is kept for this caller, if it is fresh and `fits`.
    async fn kept_tools(&self, fits: impl Fn(&Kept) -> bool) -> Option<ListToolsResult> {
        self.tool_lists()?;
        let kept = self.kept_list().await.filter(|kept| fits(kept));
        self.note_listed(kept.is_some());
        kept.map(|kept| kept.list().clone())
    }

    fn keep_tools(&self, given: &Given<'_>) {
        if let Some(lists) = self.tool_lists() {
            lists.keep(self.key(), given, Instant::now());
        }
    }

    /// A digest of the credentials that this caller's requests are sent with now, where the cache
    /// needs it and they are known.
    pub(super) async fn credentials_in_use(&self) -> Option<Digest> {
        self.tool_lists()?;
        let context = self.context();
        let in_use = Credentials::new(
            Arc::clone(&context.credentials),
            self.key().clone(),
            Arc::clone(&self.resolved.latest().key_pool().credentials),
            Arc::clone(&self.parts.headers),
        );
        let target = RequestTarget::default().for_call(Some(&self.context));
        let headers = timeout(self.timeout, in_use.headers(target)).await;
        let headers = headers.ok()?.ok()?;
        let passed = &context.config.identity.passthrough_headers;
        Some(credentials_digest(&context.secret, &headers, passed))
    }

    pub(super) fn tool_lists(&self) -> Option<&ToolLists> {
        self.context().tools.as_ref()
    }

    fn note_listed(&self, hit: bool) {
        let context = self.context();
        Counters::add(match hit {
            true => &context.counters.tool_list_hits,
            false => &context.counters.tool_list_misses,
        });
        context.events.emit(|observer, pool| {
            observer.tools_listed(&crate::event::ToolsListed {
                pool,
                key: self.key(),
                hit,
            });
        });
    }
}

fn last_page(mut listing: Listing<ListToolsResult>) -> Result<ListToolsResult, CallError> {
    listing.pages.pop().ok_or(CallError::UnexpectedResult)
}

/// Several pages as one, good for as long and for as many as every one of them.
fn merged(pages: Vec<ListToolsResult>) -> ListToolsResult {
    let mut pages = pages.into_iter();
    let mut all = pages.next().unwrap_or_default();
    for page in pages {
        all.tools.extend(page.tools);
        all.ttl_ms = all
            .ttl_ms
            .zip(page.ttl_ms)
            .map(|(one, other)| one.min(other));
        all.cache_scope = match (all.cache_scope, page.cache_scope) {
            (Some(CacheScope::Public), scope) | (scope, Some(CacheScope::Public)) => scope,
            (one, other) => one.or(other),
        };
    }
    all.next_cursor = None;
    all
}
