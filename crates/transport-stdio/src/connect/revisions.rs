//! The first requests of a session.

use std::{pin::pin, time::Duration};

use mcp_pool_core::{
    error::{CallFailure, ConnectError, FaultKind},
    extend::{
        Answer, ClientContext, ConnectRequest, Era, RefusedRevision, ServerStream,
        ServerStreamState, SessionInfo, initialize_request_in, initialize_result,
        protocol_violation,
    },
};
use rmcp::model::{
    ClientConfig, ClientNotification, InitializedNotification, ProtocolVersion, RequestMetaObject,
    ServerPeerInfo, ServerResult,
};
use tokio::time::{Instant, timeout_at};

use super::plan::Plan;
use crate::session::{Driver, STATELESS, discover_request};

/// The first requests of a session with a child.
pub(super) struct Introduction<'s> {
    pub(super) driver: &'s Driver,
    pub(super) request: &'s ConnectRequest,
    pub(super) client: ClientConfig,
}

/// Why the first requests failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: ConnectError,
    /// True where `server/discover` failed, which a legacy server may not survive.
    pub(super) in_discovery: bool,
    /// True where the server answered, and not as one of the assumed era does.
    pub(super) is_denial: bool,
}

impl Introduction<'_> {
    /// Runs the handshake of a plan.
    pub(super) async fn run(&self, plan: Plan) -> Result<SessionInfo, Failed> {
        match plan {
            Plan::Detect => self.detect().await,
            Plan::Legacy => self.initialize().await,
            Plan::Stateless => self.discover().await,
        }
    }

    /// `server/discover`, and `initialize` where the server does not answer as a stateless one.
    async fn detect(&self) -> Result<SessionInfo, Failed> {
        let now = Instant::now();
        let left = self.request.deadline().saturating_duration_since(now);
        let deadline = now + PROBE_TIMEOUT.min(left / 2);
        let mut discovery = pin!(self.discover());
        match timeout_at(deadline, &mut discovery).await {
            Ok(Ok(info)) => return Ok(info),
            Ok(Err(failed)) if failed.is_denial => return self.initialize().await,
            Ok(Err(failed)) => return Err(failed),
            Err(_) => {}
        }
        // A legacy server may ignore what it does not know. A server that is still starting answers
        // late, and one that knows both eras then refuses `initialize`: the first result decides.
        let mut introduction = pin!(self.initialize());
        tokio::select! {
            discovered = &mut discovery => match discovered {
                Ok(info) => Ok(info),
                Err(_) => introduction.await,
            },
            introduced = &mut introduction => match introduced {
                Err(failed) if failed.is_denial => discovery.await.map_err(|_| failed),
                introduced => introduced,
            },
        }
    }

    /// `server/discover` (revision 2026-07-28, discovery).
    async fn discover(&self) -> Result<SessionInfo, Failed> {
        let (info, capabilities) = (&self.client.client_info, &self.client.capabilities);
        let meta =
            RequestMetaObject::with_client_context(STATELESS, info.clone(), capabilities.clone());
        let client = ClientContext::new(meta);
        let answer = self.driver.request(discover_request(), Some(&client)).await;
        let answer = answer.map_err(|failure| Failed::of(&failure, true))?;
        let is_result = answer.error().is_none();
        let result = match answer.into_result() {
            Ok(ServerResult::DiscoverResult(result)) => Some(result),
            _ => None,
        };
        let result = result.filter(|result| result.supported_versions.contains(&STATELESS));
        let Some(result) = result else {
            if is_result {
                self.driver.note_read();
            }
            return Err(Failed::denial(protocol_violation(
                "the server has no common revision without sessions",
            )));
        };
        self.driver.note_client(client);
        let peer_info = ServerPeerInfo::from_discover_result(STATELESS, result);
        self.driver.note_info(peer_info);
        let slots = self.request.slots_of(Era::Stateless);
        Ok(info_of(Era::Stateless, STATELESS.as_str()).with_max_concurrent(slots))
    }

    /// `initialize` and `notifications/initialized` (revision 2025-11-25, lifecycle).
    async fn initialize(&self) -> Result<SessionInfo, Failed> {
        let answer = self.offer_revisions().await;
        let answer = answer.map_err(|failure| Failed::of(&failure, false))?;
        let result = initialize_result(answer).map_err(Failed::denial)?;
        let revision = result.protocol_version.to_string();
        self.driver.note_info(ServerPeerInfo::from(result));
        let initialized = InitializedNotification::default();
        let initialized = ClientNotification::InitializedNotification(initialized);
        let sent = self.driver.notify(initialized).await;
        sent.map_err(|failure| Failed::of(&failure, false))?;
        Ok(info_of(Era::Legacy, &revision))
    }

    /// The answer to `initialize`, with an older revision where the server refuses the offered one.
    async fn offer_revisions(&self) -> Result<Answer, CallFailure> {
        let mut revision = ProtocolVersion::LATEST_WITH_INITIALIZE;
        // Each revision that is offered is older than the one before.
        loop {
            let request = initialize_request_in(self.client.clone(), revision.clone());
            let answer = self.driver.request(request, None).await?;
            let refused = answer.error().and_then(RefusedRevision::of_error);
            match refused.and_then(|refused| refused.next(&revision)) {
                Some(older) => revision = older,
                None => return Ok(answer),
            }
        }
    }
}

impl Failed {
    fn of(failure: &CallFailure, in_discovery: bool) -> Self {
        let kind = match failure.kind() {
            // There was no session yet.
            FaultKind::SessionGone => FaultKind::Unreachable,
            kind => kind.clone(),
        };
        Self {
            error: ConnectError::new(kind).with_evidence(failure.evidence()),
            in_discovery,
            is_denial: *failure.kind() == FaultKind::Protocol,
        }
    }

    fn denial(error: ConnectError) -> Self {
        Self {
            error,
            in_discovery: false,
            is_denial: true,
        }
    }
}

fn info_of(era: Era, revision: &str) -> SessionInfo {
    // The output of the child is open as long as the session.
    let stream = ServerStreamState::new(ServerStream::Open);
    SessionInfo::new(era, revision).with_server_stream(stream)
}

/// A legacy server rejects the unknown method at once, or never.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
