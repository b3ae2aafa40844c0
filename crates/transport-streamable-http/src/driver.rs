//! A session over Streamable HTTP, as the pool sees it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_pool_core::{CallFailure, Farewell, RunningSession, SessionDriver};
use mcp_pool_http::HttpFault;
use rmcp::{
    RoleClient, Service,
    service::{Peer, ServiceError},
    transport::streamable_http_client::StreamableHttpError,
};
use tokio::time::{Instant, timeout_at};

use crate::link::Link;

/// A session over Streamable HTTP.
pub(crate) struct Driver<S: Service<RoleClient>> {
    pub(crate) running: RunningSession<S>,
    pub(crate) link: Arc<Link>,
}

#[async_trait]
impl<S: Service<RoleClient>> SessionDriver for Driver<S> {
    fn peer(&self) -> &Peer<RoleClient> {
        self.running.peer()
    }

    fn classify(&self, error: &ServiceError) -> CallFailure {
        match fault_behind(error) {
            Some(fault) => fault.failure().clone(),
            None => CallFailure::conservative(error),
        }
    }

    async fn close(&self, timeout: Duration) -> Farewell {
        let deadline = Instant::now() + timeout;
        let ended = self.running.close(timeout).await;
        // rmcp has said farewell by now, if its worker was still there to say it.
        match timeout_at(deadline, self.link.farewell()).await {
            Ok(Farewell::Said) => ended,
            Ok(farewell) => farewell,
            Err(_) => Farewell::TimedOut,
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
