//! The fake connector.

use std::time::Duration;

use async_trait::async_trait;
use mcp_pool_core::{
    TransportKind,
    error::{CallFailure, CheckError, ConnectError, FaultKind},
    extend::{
        CloseNotifier, CloseOutcome, ConnectRequest, Connector, Era, ProbePlan, RunningSession,
        Session, SessionDriver, SessionInfo, SessionPeer, Support, UniqueIds,
    },
};
use rmcp::{RoleClient, Service, ServiceExt, model::ProtocolVersion, service::ServiceError};

use super::{
    address,
    behaviour::play,
    remote::Remote,
    session_end::{EndingInOrder, SessionEnd},
    sessions::{Handshake, SessionNumber},
    transport::{FakeFault, Memory},
};

/// A connector without a network. Made by [`connector`].
#[derive(Clone, Debug)]
pub struct FakeConnector {
    kind: TransportKind,
    remote: Remote,
}

/// A fake connector of the kind [`kind`](super::kind), and its remote control.
#[must_use]
pub fn connector() -> (FakeConnector, Remote) {
    connector_of(address::kind())
}

/// A fake connector of this kind, and its remote control.
#[must_use]
pub fn connector_of(kind: TransportKind) -> (FakeConnector, Remote) {
    let remote = Remote::new();
    let connector = FakeConnector {
        kind,
        remote: remote.clone(),
    };
    (connector, remote)
}

#[async_trait]
impl Connector for FakeConnector {
    fn kind(&self) -> TransportKind {
        self.kind.clone()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        let connecting = self.remote.begin_connect(request);
        play(&self.remote.connect)
            .await
            .map_err(ConnectError::new)?;
        if let Some(kind) = self.remote.next_fault() {
            return Err(ConnectError::new(kind));
        }
        let notifier = CloseNotifier::default();
        let id = connecting.open(&notifier);
        let handshake = Handshake::begin(&self.remote, id);
        let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        let memory = UniqueIds::new(Memory::new(id, self.remote.clone()));
        let service = request.handler().into_service(version.clone());
        let running = service
            .serve(memory)
            .await
            .map_err(|error| ConnectError::new(FaultKind::Protocol).with_source(error))?;
        handshake.finish();
        let end = SessionEnd::default();
        let driver = FakeDriver {
            id,
            end: end.clone(),
            remote: self.remote.clone(),
            running: RunningSession::new(running),
        };
        let mut info = SessionInfo::new(Era::Legacy, version.as_str())
            .with_session_id(&id.to_string())
            .with_network("memory", "pipe");
        info.max_concurrent = self.remote.concurrent_calls();
        info.metadata.insert(SessionNumber(id));
        info.metadata.insert(end.clone());
        Ok(Session::new(EndingInOrder { driver, end }, info).with_close_notifier(notifier))
    }

    async fn detect(&self, _request: &ConnectRequest) -> Result<Support, ConnectError> {
        self.remote.note_detection();
        play(&self.remote.detect).await.map_err(ConnectError::new)?;
        Ok(self.remote.answer())
    }

    async fn check(&self, _session: &Session, _plan: &ProbePlan) -> Result<(), CheckError> {
        self.remote.note_check();
        let _checking = self.remote.begin_check();
        play(&self.remote.check)
            .await
            .map_err(|_| CheckError::Failed("fake"))
    }
}

struct FakeDriver<S: Service<RoleClient>> {
    id: u64,
    end: SessionEnd,
    remote: Remote,
    running: RunningSession<S>,
}

#[async_trait]
impl<S: Service<RoleClient>> SessionDriver for FakeDriver<S> {
    async fn peer(&self) -> Result<SessionPeer, CallFailure> {
        self.running.peer().await
    }

    fn is_over(&self) -> bool {
        self.running.is_over()
    }

    fn classify(&self, error: &ServiceError) -> CallFailure {
        let ServiceError::TransportSend(sent) = error else {
            return CallFailure::conservative(error);
        };
        match sent.error.downcast_ref::<FakeFault>() {
            Some(fault) => CallFailure::new(fault.outcome, fault.kind.clone()),
            None => CallFailure::conservative(error),
        }
    }

    async fn close(&self, timeout: Duration) -> CloseOutcome {
        self.remote.note_closing(self.id);
        let outcome = match tokio::time::timeout(timeout, play(&self.remote.close)).await {
            Ok(Ok(())) => CloseOutcome::Completed,
            Ok(Err(_)) => CloseOutcome::Failed,
            Err(_) => CloseOutcome::TimedOut,
        };
        // A close that fails or times out leaves the session to the expiry of the server. The
        // client cannot reach it any more, so it counts as closed.
        self.remote.note_closed(self.id);
        self.end.set();
        self.running.close(timeout).await;
        outcome
    }
}
