//! Sessions that take no task and next to no memory: what is left is the pool's own.

use std::time::Duration;

use async_trait::async_trait;
use mcp_pool_core::{
    TransportKind,
    error::{CallFailure, ConnectError, FaultKind, Outcome},
    extend::{
        CloseOutcome, ConnectRequest, Connector, Era, Session, SessionDriver, SessionInfo,
        SessionPeer,
    },
};

/// Opens sessions that answer nothing.
pub(super) struct StillConnector;

struct StillDriver;

impl StillConnector {
    pub(super) fn transport() -> TransportKind {
        TransportKind::new("still")
    }
}

#[async_trait]
impl Connector for StillConnector {
    fn kind(&self) -> TransportKind {
        Self::transport()
    }

    async fn connect(&self, _request: &ConnectRequest) -> Result<Session, ConnectError> {
        Ok(Session::new(
            StillDriver,
            SessionInfo::new(Era::Legacy, "2025-11-25"),
        ))
    }
}

#[async_trait]
impl SessionDriver for StillDriver {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        Err(CallFailure::new(Outcome::NotExecuted, FaultKind::Protocol))
    }

    fn is_over(&self) -> bool {
        false
    }

    async fn close(&self, _timeout: Duration) -> CloseOutcome {
        CloseOutcome::Completed
    }
}
