//! The driver: the pool's view of a session.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{
    error::CallFailure,
    extend::{CloseOutcome, RunningSession, SessionDriver, SessionPeer},
};
use mcp_pool_http::HttpFault;
use rmcp::{RoleClient, Service, service::ServiceError};
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;

/// The driver of a session over HTTP+SSE.
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
        match error {
            ServiceError::TransportSend(sent) => match sent.error.downcast_ref::<HttpFault>() {
                Some(fault) => fault.failure().clone(),
                None => CallFailure::conservative(error),
            },
            ServiceError::TransportClosed => self.connection.interrupted().failure().clone(),
            _ => CallFailure::conservative(error),
        }
    }

    async fn close(&self, timeout: Duration) -> CloseOutcome {
        let deadline = Instant::now() + timeout;
        self.connection.close();
        let closed = timeout_at(deadline, self.connection.closed.cancelled()).await;
        self.running
            .close(deadline.saturating_duration_since(Instant::now()))
            .await;
        match closed {
            Ok(()) => CloseOutcome::Completed,
            Err(_) => CloseOutcome::TimedOut,
        }
    }
}
