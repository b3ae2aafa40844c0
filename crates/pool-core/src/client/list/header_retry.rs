//! Calls of tools that want some of their arguments as headers too.

use rmcp::model::{
    ClientRequest, ErrorCode, ErrorData, ListToolsRequest, PaginatedRequestParams, ServerResult,
};

use super::bounds::ListBounds;
use crate::{acquire::Lease, client::call::Call, client::send::Failed, extend::Answer, types::Era};

impl Call<'_> {
    /// Sends the request, and once more if the server has refused it unread since headers are
    /// missing or wrong: which ones it wants, a session learns from the list of tools (revision
    /// 2026-07-28, transports).
    pub(in crate::client) async fn send_with_headers(
        &mut self,
        lease: &Lease,
        request: &ClientRequest,
    ) -> Result<Answer, Failed> {
        match self.send(lease, request.clone()).await {
            Err(Failed::Answered(error))
                if error.code == ErrorCode::HEADER_MISMATCH
                    && matches!(request, ClientRequest::CallToolRequest(_))
                    && lease.info().era == Era::Stateless =>
            {
                Box::pin(self.send_again(lease, request, error)).await
            }
            answer => answer,
        }
    }

    /// Sends a request that was refused with `error` once more, when the session has seen the list.
    async fn send_again(
        &mut self,
        lease: &Lease,
        request: &ClientRequest,
        error: ErrorData,
    ) -> Result<Answer, Failed> {
        match self.see_tools(lease).await {
            Ok(()) => self.send(lease, request.clone()).await,
            Err(_) => Err(Failed::Answered(error)),
        }
    }

    /// Has the session see the list of tools.
    async fn see_tools(&mut self, lease: &Lease) -> Result<(), Failed> {
        let mut bounds = ListBounds::new(&self.client.context().config.limits);
        let mut cursor = None;
        loop {
            let request = ListToolsRequest {
                params: cursor
                    .map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor))),
                ..ListToolsRequest::default()
            };
            let page = self
                .send(lease, ClientRequest::ListToolsRequest(request))
                .await?;
            cursor = match page.into_result() {
                Ok(ServerResult::ListToolsResult(page)) => bounds
                    .add(page.tools.len(), page.next_cursor.as_ref())
                    .ok()
                    .and(page.next_cursor),
                _ => None,
            };
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
