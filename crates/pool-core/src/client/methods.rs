//! The methods of rmcp's `Peer`, each on a session of its own for as long as it takes.

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResponse, CallToolResult, ClientRequest,
    CompleteRequest, CompleteRequestParams, CompleteResult, GetPromptRequest,
    GetPromptRequestParams, GetPromptResult, ListPromptsRequest, ListPromptsResult,
    ListResourceTemplatesRequest, ListResourceTemplatesResult, ListResourcesRequest,
    ListResourcesResult, ListToolsRequest, ListToolsResult, PaginatedRequestParams, PingRequest,
    Prompt, ReadResourceRequest, ReadResourceRequestParams, ReadResourceResult, Resource,
    ResourceTemplate, ServerResult, Tool,
};
use tracing::Instrument;

use super::{PooledClient, call::Call};
use crate::{CallError, trace::Target};

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
        /// As [`request`](PooledClient::request), and [`CallError::UnexpectedResult`] when the
        /// server answered with a result of another kind.
        ///
        /// # Cancel safety
        /// As [`request`](PooledClient::request).
        pub async fn $all(&self) -> Result<Vec<$Item>, CallError> {
            let mut call = Call::begin(self, $wire, Target::None);
            let span = call.span();
            let result = async {
                'listing: loop {
                    let lease = call.lease().await?;
                    let mut items = Vec::new();
                    let mut cursor = None;
                    loop {
                        let mut request = $Request::default();
                        request.params = cursor
                            .take()
                            .map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
                        match call.send(&lease, ClientRequest::$Request(request)).await {
                            Ok(ServerResult::$Result(page)) => {
                                items.extend(page.$items);
                                cursor = page.next_cursor;
                            }
                            Ok(_) => return Err(CallError::UnexpectedResult),
                            Err(failed) => {
                                call.judge(lease, failed)?;
                                continue 'listing;
                            }
                        }
                        if cursor.is_none() {
                            return Ok(items);
                        }
                    }
                }
            };
            let result = result.instrument(span).await;
            call.finish(&result);
            result
        }
    };
}

impl PooledClient {
    method! {
        /// `completion/complete`.
        complete(CompleteRequestParams) = CompleteRequest -> CompleteResult
    }
    method! {
        /// `prompts/get`.
        get_prompt(GetPromptRequestParams) = GetPromptRequest -> GetPromptResult
    }
    method! {
        /// `resources/read`.
        read_resource(ReadResourceRequestParams) = ReadResourceRequest -> ReadResourceResult
    }

    listing!(list_tools, list_all_tools: "tools/list" = ListToolsRequest -> ListToolsResult { tools: Tool });
    listing!(list_prompts, list_all_prompts: "prompts/list" = ListPromptsRequest -> ListPromptsResult { prompts: Prompt });
    listing!(list_resources, list_all_resources: "resources/list" = ListResourcesRequest -> ListResourcesResult { resources: Resource });
    listing!(list_resource_templates, list_all_resource_templates: "resources/templates/list" = ListResourceTemplatesRequest -> ListResourceTemplatesResult { resource_templates: ResourceTemplate });

    /// `tools/call`.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`CallError::UnexpectedResult`] when the server asks for
    /// input or starts a task: [`call_tool_once`](Self::call_tool_once) returns those.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn call_tool(
        &self,
        params: CallToolRequestParams,
    ) -> Result<CallToolResult, CallError> {
        match self.call_tool_once(params).await? {
            CallToolResponse::Complete(result) => Ok(result),
            _ => Err(CallError::UnexpectedResult),
        }
    }

    /// `tools/call`, whatever the server makes of it: a result, a question for input, or a task.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`CallError::UnexpectedResult`] when the server answered
    /// with none of the three.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn call_tool_once(
        &self,
        params: CallToolRequestParams,
    ) -> Result<CallToolResponse, CallError> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        match self.request(request).await? {
            ServerResult::CallToolResult(result) => Ok(CallToolResponse::Complete(result)),
            ServerResult::InputRequiredResult(result) => {
                Ok(CallToolResponse::InputRequired(result))
            }
            ServerResult::CreateTaskResult(result) => Ok(CallToolResponse::Task(result)),
            // A result that leaves out even the empty content.
            ServerResult::EmptyResult(_) => {
                Ok(CallToolResponse::Complete(CallToolResult::default()))
            }
            _ => Err(CallError::UnexpectedResult),
        }
    }

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
