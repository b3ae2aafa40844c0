//! The methods of the protocol, each passed on.
#![expect(
    deprecated,
    reason = "clients of the revisions with sessions subscribe and set levels"
)]

use futures::future::join_all;
use mcp_pool_core::PooledClient;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams,
        CompleteResult, CustomRequest, CustomResult, DiscoverResult, ErrorCode,
        GetPromptRequestParams, GetPromptResponse, GetSkillRequestParams, GetSkillResult,
        GetTaskParams, GetTaskResult, InitializeRequestParams, InitializeResult, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult, ListToolsResult,
        PaginatedRequestParams, ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult,
        ReadResourceRequestParams, ReadResourceResponse, Reference, ServerConfig,
        SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter,
        UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};

use super::{handler::ProxyHandler, info::in_session};
use crate::{
    session::Destination,
    translate::{Complete, passed_on},
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
        let _ = self.info.set(in_session(info));
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
        info.unwrap_or_else(|| self.own_info())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.listen_for_session(&context.extensions);
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
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.pass_on_call(params, &context).await
    }

    async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.pass_on_prompt(params, &context).await
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.pass_on_read(params, &context).await
    }

    async fn get_task(
        &self,
        params: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.pass_on_get_task(params, &context).await
    }

    async fn update_task(
        &self,
        params: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.pass_on_update_task(params, &context).await
    }

    async fn cancel_task(
        &self,
        params: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.pass_on_cancel_task(params, &context).await
    }

    async fn list_skills(
        &self,
        params: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        self.pass_on_list_skills(params, &context).await
    }

    async fn get_skill(
        &self,
        params: GetSkillRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        self.pass_on_get_skill(params, &context).await
    }

    async fn read_resource_directory(
        &self,
        params: ReadResourceDirectoryRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceDirectoryResult, ErrorData> {
        self.pass_on_directory(params, &context).await
    }

    async fn complete(
        &self,
        mut params: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let upstream = match &mut params.r#ref {
            Reference::Prompt(prompt) => self.by_name(&mut prompt.name)?,
            Reference::Resource(resource) => self.by_uri(&mut resource.uri)?,
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
        let each = upstreams.map(|upstream| self.set_level_at(upstream, &params, &context));
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
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.unsubscribe_for_session(&params)
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
        self.pass_on_custom(request, &context).await
    }
}

/// An answer of the upstream is an answer, and be it that it does not know the method.
fn answered(result: Result<(), ErrorData>) -> Result<(), ErrorData> {
    match result {
        Err(error) if error.code == ErrorCode::METHOD_NOT_FOUND => Ok(()),
        result => result,
    }
}
