//! Requests whose upstream, or the proxy itself, may request input before it answers.

use mcp_pool_core::{PooledClient, error::CallError};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResponse, ClientRequest, GetPromptRequest,
        GetPromptRequestParams, GetPromptResponse, ReadResourceRequest, ReadResourceRequestParams,
        ReadResourceResponse, ServerResult,
    },
    service::RequestContext,
};

use super::handler::ProxyHandler;
use crate::{
    fault::Fault,
    translate::{Authorization, Complete, is_stateless, passed_on},
    upstreams::Upstream,
};

impl ProxyHandler {
    /// Calls a tool of an upstream.
    ///
    /// # Errors
    /// No upstream has it, or what the failure comes to for the client.
    pub(super) async fn pass_on_call(
        &self,
        mut params: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let upstream = self.by_name(&mut params.name)?;
        params.meta = passed_on(context, &self.conversation);
        let uris = self.uris(upstream);
        if !is_stateless(context) {
            let call = |client: PooledClient| async move { client.call_tool(params).await };
            let result = self.run(upstream, context, call).await?;
            return Ok(uris.in_tool_result(result.complete()).into());
        }
        Authorization::take(&mut params.input_responses, &mut params.request_state)?;
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        match self.ask_for_input(upstream, context, request).await? {
            ServerResult::CallToolResult(result) => {
                Ok(uris.in_tool_result(result.complete()).into())
            }
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            ServerResult::CreateTaskResult(mut result) => {
                result.task.task_id = self.proxy.names.join(upstream.name(), &result.task.task_id);
                Ok(result.into())
            }
            _ => Err(unexpected()),
        }
    }

    /// Gets a prompt of an upstream.
    ///
    /// # Errors
    /// As [`pass_on_call`](Self::pass_on_call).
    pub(super) async fn pass_on_prompt(
        &self,
        mut params: GetPromptRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let upstream = self.by_name(&mut params.name)?;
        params.meta = passed_on(context, &self.conversation);
        let uris = self.uris(upstream);
        if !is_stateless(context) {
            let call = |client: PooledClient| async move { client.get_prompt(params).await };
            let result = self.run(upstream, context, call).await?;
            return Ok(uris.in_prompt(result.complete()).into());
        }
        Authorization::take(&mut params.input_responses, &mut params.request_state)?;
        let request = ClientRequest::GetPromptRequest(GetPromptRequest::new(params));
        match self.ask_for_input(upstream, context, request).await? {
            ServerResult::GetPromptResult(result) => Ok(uris.in_prompt(result.complete()).into()),
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            _ => Err(unexpected()),
        }
    }

    /// Reads a resource of an upstream.
    ///
    /// # Errors
    /// As [`pass_on_call`](Self::pass_on_call).
    pub(super) async fn pass_on_read(
        &self,
        mut params: ReadResourceRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let upstream = self.by_uri(&mut params.uri)?;
        params.meta = passed_on(context, &self.conversation);
        let uris = self.uris(upstream);
        if !is_stateless(context) {
            let call = |client: PooledClient| async move { client.read_resource(params).await };
            let result = self.run(upstream, context, call).await?;
            return Ok(uris.in_resource(result.complete()).into());
        }
        Authorization::take(&mut params.input_responses, &mut params.request_state)?;
        let request = ClientRequest::ReadResourceRequest(ReadResourceRequest::new(params));
        match self.ask_for_input(upstream, context, request).await? {
            ServerResult::ReadResourceResult(result) => {
                Ok(uris.in_resource(result.complete()).into())
            }
            ServerResult::InputRequiredResult(result) => Ok(result.into()),
            _ => Err(unexpected()),
        }
    }

    /// Sends a request of a client without a session. Where its user has to go to an address first,
    /// and the client can send the user there, the answer requests that as input.
    async fn ask_for_input(
        &self,
        upstream: &Upstream,
        context: &RequestContext<RoleServer>,
        request: ClientRequest,
    ) -> Result<ServerResult, ErrorData> {
        let call = |client: PooledClient| async move { client.request(request).await };
        let error = match self.attempt(upstream, context, call).await? {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        let declared = context.client_capabilities().unwrap_or_default();
        let fault = Fault::of(&error);
        match Authorization::request(&fault, &declared) {
            Some(request) => Ok(ServerResult::InputRequiredResult(request)),
            None => Err(fault.to_error()),
        }
    }
}

/// The error for an answer of another kind than its request promises.
pub(super) fn unexpected() -> ErrorData {
    Fault::of(&CallError::UnexpectedResult).to_error()
}
