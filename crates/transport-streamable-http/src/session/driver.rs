//! The driver: the pool's view of a session.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    error::CallFailure,
    extend::{
        Answer, CallContext, CloseOutcome, Era, ParkedSession, SessionDriver, SessionPeer, WireCall,
    },
};
use rmcp::model::ClientRequest;
use tokio::time::timeout;

use super::connection::Connection;

/// The driver of a session over Streamable HTTP.
pub(crate) struct Driver(pub(crate) Arc<Connection>);

#[async_trait]
impl SessionDriver for Driver {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.0.inbox.peer().await
    }

    async fn call(
        &self,
        request: ClientRequest,
        context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        let id = self.0.inbox.ids().next();
        let call = WireCall::new(id, request, context.cloned());
        // Not over `Wire`, which would box the future once more.
        let answer = self.0.call(call).await;
        answer.map_err(|fault| self.0.failure(&fault))
    }

    async fn open_server_stream(&self) {
        self.0.listen_from_now_on().await;
    }

    fn is_over(&self) -> bool {
        self.0.has_ended()
    }

    fn park(&self) -> Option<ParkedSession> {
        self.0.park()
    }

    async fn close(&self, limit: Duration) -> CloseOutcome {
        self.0.end();
        if self.0.era == Era::Stateless {
            return CloseOutcome::Completed;
        }
        match timeout(limit, self.0.delete_session()).await {
            Ok(outcome) => outcome,
            Err(_) => CloseOutcome::TimedOut,
        }
    }
}
