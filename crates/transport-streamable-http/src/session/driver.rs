//! The driver: the pool's view of a session.

use std::time::Duration;

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

#[async_trait]
impl SessionDriver for Connection {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.inbox.peer().await
    }

    async fn call(
        &self,
        request: ClientRequest,
        context: Option<&CallContext>,
    ) -> Result<Answer, CallFailure> {
        let id = self.inbox.ids().next();
        let call = WireCall::new(id, request, context.cloned());
        // Not over `Wire`, which would box the future once more.
        let answer = Self::call(self, call).await;
        answer.map_err(|fault| self.failure(&fault))
    }

    async fn open_server_stream(&self) {
        if let Some(connection) = self.me.upgrade() {
            connection.listen_from_now_on().await;
        }
    }

    fn is_over(&self) -> bool {
        self.has_ended()
    }

    fn park(&self) -> Option<ParkedSession> {
        Self::park(self)
    }

    async fn close(&self, limit: Duration) -> CloseOutcome {
        self.end();
        if self.era == Era::Stateless {
            return CloseOutcome::Completed;
        }
        match timeout(limit, self.delete_session()).await {
            Ok(outcome) => outcome,
            Err(_) => CloseOutcome::TimedOut,
        }
    }
}
