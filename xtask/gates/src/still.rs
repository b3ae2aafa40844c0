//! Sessions of no server, and objects of no pool: what is counted is the pool's own.

use std::time::Duration;

use async_trait::async_trait;
use deadpool::managed::{Manager, Metrics, RecycleResult};
use mcp_pool_core::{
    TransportKind,
    error::{CallFailure, ConnectError, FaultKind, Outcome},
    extend::{
        CloseOutcome, ConnectRequest, Connector, Era, Session, SessionDriver, SessionInfo,
        SessionPeer,
    },
};

/// Opens sessions that answer nothing.
pub(crate) struct Still;

struct StillDriver;

impl Still {
    pub(crate) fn transport() -> TransportKind {
        TransportKind::new("still")
    }
}

#[async_trait]
impl Connector for Still {
    fn kind(&self) -> TransportKind {
        Self::transport()
    }

    async fn connect(&self, _request: &ConnectRequest) -> Result<Session, ConnectError> {
        let info = SessionInfo::new(Era::Legacy, "2025-11-25");
        Ok(Session::new(StillDriver, info))
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

impl Manager for Still {
    type Type = u64;
    type Error = std::convert::Infallible;

    async fn create(&self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    async fn recycle(&self, _object: &mut u64, _metrics: &Metrics) -> RecycleResult<Self::Error> {
        Ok(())
    }
}
