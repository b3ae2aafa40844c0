//! The methods of rmcp's `Peer`, each on a session of its own for as long as it takes.

use rmcp::model::{
    CancelTaskParams, CancelTaskRequest, ClientRequest, CompleteRequest, CompleteRequestParams,
    CompleteResult, GetSkillRequest, GetSkillRequestParams, GetSkillResult, GetTaskParams,
    GetTaskRequest, GetTaskResult, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListSkillsResult, PaginatedRequestParams, PingRequest, Prompt,
    ReadResourceDirectoryRequest, ReadResourceDirectoryRequestParams, Resource, ResourceTemplate,
    ServerResult, Skill, UpdateTaskParams, UpdateTaskRequest,
};

use super::pooled_client::PooledClient;
use crate::error::CallError;

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
    ($page:ident, $all:ident: $wire:literal -> $Result:ident { $items:ident: $Item:ty }) => {
        #[doc = concat!("One page of `", $wire, "`. A cursor is worth something only on the session it came")]
        #[doc = concat!("from; to read several pages use [`", stringify!($all), "`](Self::", stringify!($all), ").")]
        ///
        /// With [`list_ttl`](crate::config::ToolCacheConfig::list_ttl) a list of a single page that was
        /// had before is given again while it is fresh, without asking the server.
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
            self.page(params).await
        }

        #[doc = concat!("Every page of `", $wire, "`, all on one session. Should that session be lost half-way, the")]
        /// listing starts again from its first page on another one, once.
        ///
        /// With [`list_ttl`](crate::config::ToolCacheConfig::list_ttl) a list that was had before is
        /// given again while it is fresh, without asking the server.
        ///
        /// # Errors
        /// As [`request`](PooledClient::request), [`CallError::UnexpectedResult`] when the server
        /// answered with a result of another kind, and [`CallError::ListTooLong`].
        ///
        /// # Cancel safety
        /// As [`request`](PooledClient::request).
        pub async fn $all(&self) -> Result<Vec<$Item>, CallError> {
            let list: $Result = self.all_pages().await?;
            Ok(list.$items)
        }
    };
}

impl PooledClient {
    method! {
        /// `completion/complete`.
        complete(CompleteRequestParams) = CompleteRequest -> CompleteResult
    }

    listing!(list_prompts, list_all_prompts: "prompts/list" -> ListPromptsResult { prompts: Prompt });
    listing!(list_resources, list_all_resources: "resources/list" -> ListResourcesResult { resources: Resource });
    listing!(list_resource_templates, list_all_resource_templates: "resources/templates/list" -> ListResourceTemplatesResult { resource_templates: ResourceTemplate });
    listing!(list_skills, list_all_skills: "skills/list" -> ListSkillsResult { skills: Skill });

    method! {
        /// `tasks/get` of revision 2026-07-28: the state of a task, and its result once it has one
        /// (`pollIntervalMs` has the pause before the next look). A server binds a task to the credential of
        /// its caller, so that each session of the key finds it. The tasks of revision 2025-11-25 are had
        /// with [`request_raw`](Self::request_raw).
        get_task(GetTaskParams) = GetTaskRequest -> GetTaskResult
    }

    method! {
        /// `skills/get`: the manifest of a skill (extension `io.modelcontextprotocol/skills`).
        get_skill(GetSkillRequestParams) = GetSkillRequest -> GetSkillResult
    }

    method! {
        /// `resources/directory/read`: the entries of a directory (extension
        /// `io.modelcontextprotocol/skills`).
        read_resource_directory(ReadResourceDirectoryRequestParams) = ReadResourceDirectoryRequest -> ListResourcesResult
    }

    /// `tasks/update`: the input that a task has requested.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn update_task(&self, params: UpdateTaskParams) -> Result<(), CallError> {
        let request = UpdateTaskRequest::new(params);
        let request = ClientRequest::UpdateTaskRequest(request);
        self.request(request).await.map(drop)
    }

    /// `tasks/cancel`: the server ends the task when it can.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn cancel_task(&self, params: CancelTaskParams) -> Result<(), CallError> {
        let request = CancelTaskRequest::new(params);
        let request = ClientRequest::CancelTaskRequest(request);
        self.request(request).await.map(drop)
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
