//! The methods of rmcp's `Peer`, each on a session of its own for as long as it takes.

use rmcp::model::{
    ClientRequest, CompleteRequest, CompleteRequestParams, CompleteResult, ListPromptsRequest,
    ListPromptsResult, ListResourceTemplatesRequest, ListResourceTemplatesResult,
    ListResourcesRequest, ListResourcesResult, PaginatedRequestParams, PingRequest, Prompt,
    Resource, ResourceTemplate, ServerResult,
};

use super::{call::Call, list::Extent, pooled_client::PooledClient};
use crate::{error::CallError, trace::Target};

/// A method with parameters and one kind of result.
macro_rules! method {
    ($(#[$doc:meta])* $name:ident($params:ty) = $Request:ident -> $Result:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// As [`request`](PooledClient::request), and [`CallError::UnexpectedResult`] when the
        /// server answered with a result of another kind.
        ///
        /// # Cancel safety
        /// As [`request`](PooledClient::request).
        pub async fn $name(&self, params: $params) -> Result<$Result, CallError> {
            match self.request(ClientRequest::$Request($Request::new(params))).await? {
                ServerResult::$Result(result) => Ok(result),
                _ => Err(CallError::UnexpectedResult),
            }
        }
    };
}

/// A listing: one page, and all pages.
macro_rules! listing {
    ($page:ident, $all:ident: $wire:literal = $Request:ident -> $Result:ident { $items:ident: $Item:ty }) => {
        #[doc = concat!("One page of `", $wire, "`. A cursor is worth something only on the session it came")]
        #[doc = concat!("from; to read several pages use [`", stringify!($all), "`](Self::", stringify!($all), ").")]
        ///
        /// # Errors
        /// As [`request`](PooledClient::request), and [`CallError::UnexpectedResult`] when the
        /// server answered with a result of another kind.
        ///
        /// # Cancel safety
        /// As [`request`](PooledClient::request).
        pub async fn $page(
            &self,
            params: Option<PaginatedRequestParams>,
        ) -> Result<$Result, CallError> {
            let mut request = $Request::default();
            request.params = params;
            match self.request(ClientRequest::$Request(request)).await? {
                ServerResult::$Result(result) => Ok(result),
                _ => Err(CallError::UnexpectedResult),
            }
        }

        #[doc = concat!("Every page of `", $wire, "`, all on one session. Should that session be lost half-way, the")]
        /// listing starts again from its first page on another one, once.
        ///
        /// # Errors
        /// As [`request`](PooledClient::request), [`CallError::UnexpectedResult`] when the server
        /// answered with a result of another kind, and [`CallError::ListTooLong`].
        ///
        /// # Cancel safety
        /// As [`request`](PooledClient::request).
        pub async fn $all(&self) -> Result<Vec<$Item>, CallError> {
            let mut call = Call::begin(self, $wire, Target::None);
            let result = call.pages::<$Result>(Extent::All).await;
            call.finish(&result);
            let pages = result?.pages.into_iter();
            Ok(pages.flat_map(|page| page.$items).collect())
        }
    };
}

impl PooledClient {
    method! {
        /// `completion/complete`.
        complete(CompleteRequestParams) = CompleteRequest -> CompleteResult
    }

    listing!(list_prompts, list_all_prompts: "prompts/list" = ListPromptsRequest -> ListPromptsResult { prompts: Prompt });
    listing!(list_resources, list_all_resources: "resources/list" = ListResourcesRequest -> ListResourcesResult { resources: Resource });
    listing!(list_resource_templates, list_all_resource_templates: "resources/templates/list" = ListResourceTemplatesRequest -> ListResourceTemplatesResult { resource_templates: ResourceTemplate });

    /// `ping`: whether a session of this caller answers. Servers of revision 2026-07-28 do not know
    /// the method.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn ping(&self) -> Result<(), CallError> {
        self.request(ClientRequest::PingRequest(PingRequest::default()))
            .await
            .map(drop)
    }
}
