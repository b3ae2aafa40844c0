//! Listings: page after page, all of them on one session.

use rmcp::model::{
    CacheScope, ClientRequest, ListPromptsRequest, ListPromptsResult, ListResourceTemplatesRequest,
    ListResourceTemplatesResult, ListResourcesRequest, ListResourcesResult, ListSkillsRequest,
    ListSkillsResult, ListToolsRequest, ListToolsResult, PaginatedRequestParams, ServerResult,
};

use super::bounds::ListBounds;
use crate::{
    client::call::Call, context::Subject, error::CallError, handler::ListKind, types::Era,
};

/// How much of a list is wanted.
pub(super) enum Extent {
    All,
    Page(Option<PaginatedRequestParams>),
}

/// What came of a listing.
pub(super) struct Listing<P> {
    /// At least one.
    pub(super) pages: Vec<P>,
    pub(super) era: Era,
    /// The version of the key's list before the request: see
    /// [`ListVersions`](crate::handler::ListVersions).
    pub(super) state: u64,
}

/// One page of a list.
pub(in crate::client) trait Page: Clone + Sized {
    const METHOD: &'static str;
    const LIST: ListKind;
    /// What a list is kept as.
    const SUBJECT: Subject;

    fn request(params: Option<PaginatedRequestParams>) -> ClientRequest;
    fn from_result(result: ServerResult) -> Option<Self>;
    fn next_cursor(&self) -> Option<&String>;
    /// The number of its items.
    fn items(&self) -> usize;
    fn into_result(self) -> ServerResult;
    /// Several pages as one, good for as long and for as many as every one of them.
    fn merged(pages: Vec<Self>) -> Self;
}

macro_rules! page {
    ($wire:literal $Request:ident -> $Result:ident { $items:ident }, $list:expr, $subject:expr) => {
        impl Page for $Result {
            const METHOD: &'static str = $wire;
            const LIST: ListKind = $list;
            const SUBJECT: Subject = $subject;

            fn request(params: Option<PaginatedRequestParams>) -> ClientRequest {
                let mut request = $Request::default();
                request.params = params;
                ClientRequest::$Request(request)
            }

            fn from_result(result: ServerResult) -> Option<Self> {
                match result {
                    ServerResult::$Result(page) => Some(page),
                    _ => None,
                }
            }

            fn next_cursor(&self) -> Option<&String> {
                self.next_cursor.as_ref()
            }

            fn items(&self) -> usize {
                self.$items.len()
            }

            fn into_result(self) -> ServerResult {
                ServerResult::$Result(self)
            }

            fn merged(pages: Vec<Self>) -> Self {
                let mut pages = pages.into_iter();
                let mut all = pages.next().unwrap_or_default();
                for page in pages {
                    all.$items.extend(page.$items);
                    all.ttl_ms = shorter(all.ttl_ms, page.ttl_ms);
                    all.cache_scope = narrower(all.cache_scope, page.cache_scope);
                }
                all.next_cursor = None;
                all
            }
        }
    };
}

page!("prompts/list" ListPromptsRequest -> ListPromptsResult { prompts }, ListKind::Prompts, Subject::Prompts);
page!("resources/list" ListResourcesRequest -> ListResourcesResult { resources }, ListKind::Resources, Subject::Resources);
page!("resources/templates/list" ListResourceTemplatesRequest -> ListResourceTemplatesResult { resource_templates }, ListKind::Resources, Subject::Templates);
// A skill is a directory of resources, so that a change of theirs is one of its own.
page!("skills/list" ListSkillsRequest -> ListSkillsResult { skills }, ListKind::Resources, Subject::Skills);
page!("tools/list" ListToolsRequest -> ListToolsResult { tools }, ListKind::Tools, Subject::Tools);

/// The shorter life of two pages. One without a life has none.
fn shorter(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.zip(other).map(|(one, other)| one.min(other))
}

/// The narrower scope of two pages.
fn narrower(one: Option<CacheScope>, other: Option<CacheScope>) -> Option<CacheScope> {
    match (one, other) {
        (Some(CacheScope::Public), scope) | (scope, Some(CacheScope::Public)) => scope,
        (one, other) => one.or(other),
    }
}

impl Call<'_> {
    /// Reads pages of a list. Begins again from the first one when the session is lost half-way,
    /// since a cursor is worth something only on the session it came from.
    pub(super) async fn pages<P: Page>(&mut self, extent: Extent) -> Result<Listing<P>, CallError> {
        let (first, all) = match extent {
            Extent::All => (None, true),
            Extent::Page(params) => (params, false),
        };
        'listing: loop {
            let lease = self.lease().await?;
            let mut listing = Listing {
                pages: Vec::new(),
                era: lease.info().era,
                state: lease.key_pool().lists.of(P::LIST),
            };
            let mut bounds = ListBounds::new(&self.client.context().config.limits);
            let mut params = first.clone();
            loop {
                let page = match self.send(&lease, P::request(params)).await {
                    Ok(answer) => {
                        let result = self.typed(answer)?;
                        P::from_result(result).ok_or(CallError::UnexpectedResult)?
                    }
                    Err(failed) => {
                        Box::pin(self.judge(lease, failed)).await?;
                        continue 'listing;
                    }
                };
                let cursor = page.next_cursor().cloned();
                let items = page.items();
                listing.pages.push(page);
                if !all {
                    return Ok(listing);
                }
                bounds.add(items, cursor.as_ref())?;
                if cursor.is_none() {
                    return Ok(listing);
                }
                params = Some(PaginatedRequestParams::default().with_cursor(cursor));
            }
        }
    }
}
