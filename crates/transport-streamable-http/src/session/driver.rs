//! The driver: the pool's view of a session.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    error::{CallFailure, FaultKind},
    extend::{CloseOutcome, Era, RunningSession, SessionDriver, SessionPeer},
};
use mcp_pool_http::HttpFault;
use rmcp::{
    RoleClient, Service, service::ServiceError,
    transport::streamable_http_client::StreamableHttpError,
};
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;

/// The driver of a session over Streamable HTTP.
pub(crate) struct Driver<S: Service<RoleClient>> {
    pub(crate) running: RunningSession<S>,
    pub(crate) connection: Arc<Connection>,
}

#[async_trait]
impl<S: Service<RoleClient>> SessionDriver for Driver<S> {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.running.peer().await
    }

    fn is_over(&self) -> bool {
        self.running.is_over()
    }

    fn classify(&self, error: &ServiceError) -> CallFailure {
        let failure = match fault_behind(error) {
            Some(fault) => fault.failure().clone(),
            None => CallFailure::conservative(error),
        };
        // A stateless session has no state that a failed call could damage.
        match self.connection.era {
            Era::Stateless if *failure.kind() != FaultKind::SessionGone => {
                failure.with_usable_session()
            }
            _ => failure,
        }
    }

    async fn close(&self, timeout: Duration) -> CloseOutcome {
        let deadline = Instant::now() + timeout;
        let ended = self.running.close(timeout).await;
        if self.connection.era == Era::Stateless {
            return ended;
        }
        // rmcp has usually sent the DELETE by now. If its worker ended early, this call sends it.
        match timeout_at(deadline, self.connection.delete_session()).await {
            Ok(CloseOutcome::Completed) => ended,
            Ok(outcome) => outcome,
            Err(_) => CloseOutcome::TimedOut,
        }
    }
}

fn fault_behind(error: &ServiceError) -> Option<&HttpFault> {
    let ServiceError::TransportSend(error) = error else {
        return None;
    };
    match error.error.downcast_ref()? {
        StreamableHttpError::Client(fault) => Some(fault),
        _ => None,
    }
}
