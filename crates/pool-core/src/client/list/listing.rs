//! Listings: page after page, all of them on one session.

use rmcp::model::{
    ClientRequest, ListPromptsRequest, ListPromptsResult, ListResourceTemplatesRequest,
    ListResourceTemplatesResult, ListResourcesRequest, ListResourcesResult, ListToolsRequest,
    ListToolsResult, PaginatedRequestParams, ServerResult,
};

use super::bounds::ListBounds;
use crate::{client::call::Call, error::CallError, types::Era};

/// How much of a list is wanted.
pub(in crate::client) enum Extent {
    All,
    Page(Option<PaginatedRequestParams>),
}

/// What came of a listing.
pub(in crate::client) struct Listing<P> {
    /// At least one.
    pub(in crate::client) pages: Vec<P>,
    pub(in crate::client) era: Era,
    /// The version of the key's tool list before the request: see
    /// [`ListVersions`](crate::handler::ListVersions).
    pub(in crate::client) state: u64,
}

/// One page of a list.
pub(in crate::client) trait Page: Sized {
    fn request(params: Option<PaginatedRequestParams>) -> ClientRequest;
    fn from_result(result: ServerResult) -> Option<Self>;
    fn next_cursor(&self) -> Option<&String>;
    /// The number of its items.
    fn items(&self) -> usize;
}

macro_rules! page {
    ($Request:ident -> $Result:ident { $items:ident }) => {
        impl Page for $Result {
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
        }
    };
}

page!(ListPromptsRequest -> ListPromptsResult { prompts });
page!(ListResourcesRequest -> ListResourcesResult { resources });
page!(ListResourceTemplatesRequest -> ListResourceTemplatesResult { resource_templates });
page!(ListToolsRequest -> ListToolsResult { tools });

impl Call<'_> {
    /// Reads pages of a list. Begins again from the first one when the session is lost half-way,
    /// since a cursor is worth something only on the session it came from.
    pub(in crate::client) async fn pages<P: Page>(
        &mut self,
        extent: Extent,
    ) -> Result<Listing<P>, CallError> {
        let (first, all) = match extent {
            Extent::All => (None, true),
            Extent::Page(params) => (params, false),
        };
        'listing: loop {
            let lease = self.lease().await?;
            let mut listing = Listing {
                pages: Vec::new(),
                era: lease.info().era,
                state: lease.key_pool().lists.tools(),
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
