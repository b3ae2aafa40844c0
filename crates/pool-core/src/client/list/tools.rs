//! Lists of tools.

use rmcp::model::{ListToolsResult, PaginatedRequestParams, Tool};

use crate::{client::pooled_client::PooledClient, error::CallError};

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
        self.page(params).await
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
        let list: ListToolsResult = self.all_pages().await?;
        Ok(list.tools)
    }
}
