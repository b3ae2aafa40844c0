//! The methods of the protocol, each passed on.
#![expect(
    deprecated,
    reason = "clients of the revisions with sessions subscribe and set levels"
)]

use futures::future::join_all;
use mcp_pool_core::{PooledClient, error::CallError};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResponse, ClientRequest,
        CompleteRequestParams, CompleteResult, CustomRequest, CustomResult, DiscoverResult,
        ErrorCode, GetPromptRequest, GetPromptRequestParams, GetPromptResponse,
        InitializeRequestParams, InitializeResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequest,
        ReadResourceRequestParams, ReadResourceResponse, Reference, ServerConfig, ServerResult,
        SetLevelRequest, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter,
        UnsubscribeRequestParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};

use super::{handler::ProxyHandler, info::everything};
use crate::{
    fault::Fault,
    session::Destination,
    translate::{Complete, is_stateless, passed_on},
};

impl ServerHandler for ProxyHandler {
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let client = Destination::Client(context.peer.clone());
        self.conversation
            .begin(request.capabilities.clone(), client);
        let info = self.gather(self.first_requests(&context)?).await?;
        let _ = self.info.set(info);
        self.negotiate_initialize(&request)
    }

    async fn discover(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        let info = self.gather(self.requests(&context)?).await?;
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, info))
    }

    fn get_info(&self) -> ServerConfig {
        let info = self.info.get().cloned();
        info.unwrap_or_else(|| {
            ServerConfig::new(everything()).with_server_info(self.proxy.server_info.clone())
        })
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.listen_for_session(&context.extensions).await;
    }

    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        // The answer for several upstreams is the proxy's own: one of them may be gone.
        match self.single() {
            Some(upstream) => {
                let ping = |client: PooledClient| async move { client.ping().await };
                answered(self.run(upstream, &context, ping).await)
            }
            None => Ok(()),
        }
    }

    async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.list(params, &context).await
    }

    async fn list_prompts(
        &self,
        params: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.list(params, &context).await
    }

    async fn list_resources(
        &self,
        params: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.list(params, &context).await
    }

    async fn list_resource_templates(
        &self,
        params: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.list(params, &context).await
    }

    async fn call_tool(
        &self,
        mut params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = params.name.clone();
        let (upstream, own) = self.by_name(&name)?;
        params.name = own.to_owned().into();
        params.meta = passed_on(&context, &self.conversation);
        let uris = self.uris(upstream);
        if !is_stateless(&context) {
            let call = |client: PooledClient| async move { client.call_tool(params).await };
            let result = self.run(upstream, &context, call).await?;
            return Ok(uris.in_tool_result(result.complete()).into());
        }
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        match self.ask(upstream, &context, request).await? {
            ServerResult::CallToolResult(result) => {
                Ok(uris.in_tool_result(result.complete()).into())
            }
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            ServerResult::CreateTaskResult(result) => Ok(result.into()),
            _ => Err(unexpected()),
        }
    }

    async fn get_prompt(
        &self,
        mut params: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = params.name.clone();
        let (upstream, own) = self.by_name(&name)?;
        own.clone_into(&mut params.name);
        params.meta = passed_on(&context, &self.conversation);
        let uris = self.uris(upstream);
        if !is_stateless(&context) {
            let call = |client: PooledClient| async move { client.get_prompt(params).await };
            let result = self.run(upstream, &context, call).await?;
            return Ok(uris.in_prompt(result.complete()).into());
        }
        let request = ClientRequest::GetPromptRequest(GetPromptRequest::new(params));
        match self.ask(upstream, &context, request).await? {
            ServerResult::GetPromptResult(result) => Ok(uris.in_prompt(result.complete()).into()),
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            _ => Err(unexpected()),
        }
    }

    async fn read_resource(
        &self,
        mut params: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = params.uri.clone();
        let (upstream, own) = self.by_uri(&uri)?;
        own.clone_into(&mut params.uri);
        params.meta = passed_on(&context, &self.conversation);
        let uris = self.uris(upstream);
        if !is_stateless(&context) {
            let call = |client: PooledClient| async move { client.read_resource(params).await };
            let result = self.run(upstream, &context, call).await?;
            return Ok(uris.in_resource(result.complete()).into());
        }
        let request = ClientRequest::ReadResourceRequest(ReadResourceRequest::new(params));
        match self.ask(upstream, &context, request).await? {
            ServerResult::ReadResourceResult(result) => {
                Ok(uris.in_resource(result.complete()).into())
            }
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            _ => Err(unexpected()),
        }
    }

    async fn complete(
        &self,
        mut params: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let (name, uri);
        let upstream = match &mut params.r#ref {
            Reference::Prompt(prompt) => {
                name = prompt.name.clone();
                let (upstream, own) = self.by_name(&name)?;
                own.clone_into(&mut prompt.name);
                upstream
            }
            Reference::Resource(resource) => {
                uri = resource.uri.clone();
                let (upstream, own) = self.by_uri(&uri)?;
                own.clone_into(&mut resource.uri);
                upstream
            }
            _ => return Err(ErrorData::invalid_params("no such reference", None)),
        };
        params.meta = passed_on(&context, &self.conversation);
        let call = |client: PooledClient| async move { client.complete(params).await };
        let result = self.run(upstream, &context, call).await;
        result.map(Complete::complete)
    }

    async fn set_level(
        &self,
        params: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.conversation.set_level(params.level);
        let upstreams = self.proxy.upstreams.iter();
        let each = upstreams.map(|upstream| {
            let request = SetLevelRequest::new(params.clone());
            self.ask_session(upstream, &context, ClientRequest::SetLevelRequest(request))
        });
        let results = join_all(each).await;
        match self.single() {
            Some(_) => results.into_iter().collect::<Result<Vec<_>, _>>().map(drop),
            // The level holds for those that log.
            None => Ok(()),
        }
    }

    async fn subscribe(
        &self,
        params: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscribe_for_session(params, &context).await
    }

    async fn unsubscribe(
        &self,
        params: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.unsubscribe_for_session(params, &context).await
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.serve_subscription(&context).await
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let Some(upstream) = self.single() else {
            let code = ErrorCode::METHOD_NOT_FOUND;
            return Err(ErrorData::new(code, request.method, None));
        };
        let request = ClientRequest::CustomRequest(request);
        match self.ask(upstream, &context, request).await? {
            ServerResult::CustomResult(result) => Ok(result),
            other => {
                let value = serde_json::to_value(other).map_err(|_| unexpected())?;
                Ok(CustomResult::new(value))
            }
        }
    }
}

/// An answer of the upstream is an answer, and be it that it does not know the method.
fn answered(result: Result<(), ErrorData>) -> Result<(), ErrorData> {
    match result {
        Err(error) if error.code == ErrorCode::METHOD_NOT_FOUND => Ok(()),
        result => result,
    }
}

fn unexpected() -> ErrorData {
    Fault::of(&CallError::UnexpectedResult).to_error()
}
