//! Tasks, and requests without a type: each goes to the upstream that has what it names.

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CancelTaskParams, CancelTaskRequest, ClientRequest, CustomRequest, CustomResult, ErrorCode,
        GetTaskParams, GetTaskRequest, GetTaskResult, ServerResult, UpdateTaskParams,
        UpdateTaskRequest,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use super::{asked::unexpected, handler::ProxyHandler};
use crate::{translate::passed_on, upstreams::Upstream};

impl ProxyHandler {
    /// The state of a task of an upstream.
    ///
    /// # Errors
    /// No upstream has it, or what the failure comes to for the client.
    pub(super) async fn pass_on_get_task(
        &self,
        mut params: GetTaskParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let id = params.task_id.clone();
        let upstream = self.by_name(&mut params.task_id)?;
        params.meta = passed_on(context, &self.conversation);
        let request = ClientRequest::GetTaskRequest(GetTaskRequest::new(params));
        match self.ask(upstream, context, request).await? {
            ServerResult::GetTaskResult(mut result) => {
                result.task.task.task_id = id;
                Ok(result)
            }
            _ => Err(unexpected()),
        }
    }

    /// Gives a task of an upstream the input that it has requested.
    ///
    /// # Errors
    /// As [`pass_on_get_task`](Self::pass_on_get_task).
    pub(super) async fn pass_on_update_task(
        &self,
        mut params: UpdateTaskParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let upstream = self.by_name(&mut params.task_id)?;
        params.meta = passed_on(context, &self.conversation);
        let request = ClientRequest::UpdateTaskRequest(UpdateTaskRequest::new(params));
        self.ask(upstream, context, request).await.map(drop)
    }

    /// Cancels a task of an upstream.
    ///
    /// # Errors
    /// As [`pass_on_get_task`](Self::pass_on_get_task).
    pub(super) async fn pass_on_cancel_task(
        &self,
        mut params: CancelTaskParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let upstream = self.by_name(&mut params.task_id)?;
        params.meta = passed_on(context, &self.conversation);
        let request = ClientRequest::CancelTaskRequest(CancelTaskRequest::new(params));
        self.ask(upstream, context, request).await.map(drop)
    }

    /// A request that rmcp has no type for. The result of a task of revision 2025-11-25 is had from the
    /// upstream that has the task; everything else from the single upstream.
    ///
    /// # Errors
    /// What the failure comes to for the client; with several upstreams, that there is no such method.
    pub(super) async fn pass_on_custom(
        &self,
        mut request: CustomRequest,
        context: &RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let task = task_of(&request).map(str::to_owned);
        let upstream = match task {
            Some(mut id) => {
                let upstream = self.by_name(&mut id)?;
                if let Some(params) = &mut request.params {
                    params["taskId"] = json!(id);
                }
                upstream
            }
            None => self.only(&request.method)?,
        };
        let request = ClientRequest::CustomRequest(request);
        match self.ask(upstream, context, request).await? {
            ServerResult::CustomResult(result) => Ok(result),
            other => {
                let value = serde_json::to_value(other).map_err(|_| unexpected())?;
                Ok(CustomResult::new(value))
            }
        }
    }

    /// The upstream of a proxy that changes nothing.
    ///
    /// # Errors
    /// There are several, none of which the request names.
    fn only(&self, method: &str) -> Result<&Upstream, ErrorData> {
        self.single().ok_or_else(|| {
            let code = ErrorCode::METHOD_NOT_FOUND;
            ErrorData::new(code, method.to_owned(), None)
        })
    }
}

/// The task that a request without a type is about.
fn task_of(request: &CustomRequest) -> Option<&str> {
    let is_of_task = request.method == "tasks/result";
    let params = request.params.as_ref().filter(|_| is_of_task)?;
    params.get("taskId").and_then(Value::as_str)
}
