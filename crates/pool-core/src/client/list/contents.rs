//! Contents of resources, and what the pool keeps of them.

use rmcp::model::{ReadResourceRequestParams, ReadResourceResult, ServerResult};

use crate::{
    client::pooled_client::PooledClient,
    context::{Given, Subject},
    error::CallError,
};

impl PooledClient {
    /// `resources/read`, with input as in [`call_tool`](Self::call_tool).
    ///
    /// With [`resource_ttl`](crate::config::ToolCacheConfig::resource_ttl) a content that was had
    /// before is given again while it is fresh, without asking the server. One for which the server
    /// requested input is not kept.
    ///
    /// # Errors
    /// As [`call_tool`](Self::call_tool).
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
    ) -> Result<ReadResourceResult, CallError> {
        let subject = Subject::Content(params.uri.as_str().into());
        let is_plain = params.meta.is_none()
            && params.input_responses.is_none()
            && params.request_state.is_none();
        if !is_plain || !self.keeps(&subject) {
            return Ok(self.go_through(params).await?.answer);
        }
        let state = self.resolved.latest().key_pool().lists.contents();
        let kept = self.kept(&subject, state).await;
        self.note_looked_up(&subject, kept.is_some());
        if let Some(ServerResult::ReadResourceResult(read)) = kept.map(|kept| kept.result().clone())
        {
            return Ok(read);
        }
        let credentials = self.credentials_in_use(&subject).await;
        let gone = self.go_through(params).await?;
        // An answer to input is one to this caller's input alone (revision 2026-07-28, patterns/mrtr).
        if let (1, Some(era)) = (gone.rounds, gone.era) {
            let given = Given {
                result: &ServerResult::ReadResourceResult(gone.answer.clone()),
                pages: 1,
                era,
                state,
                credentials,
            };
            self.keep(&subject, &given);
        }
        Ok(gone.answer)
    }
}
