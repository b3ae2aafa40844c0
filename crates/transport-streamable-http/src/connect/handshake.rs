//! One handshake, in one era.

use std::sync::Arc;

use http::StatusCode;
use mcp_pool_core::{
    error::ConnectError,
    extend::{
        Answer, ClientContext, ConnectRequest, Era, RefusedRevision, Session, SessionInfo,
        WireCall, initialize_request_in, initialize_result,
    },
};
use mcp_pool_http::{HttpClients, HttpFault, HttpSession, send_repeatedly};
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, InitializedNotification, ProtocolVersion,
    RequestMetaObject, ServerPeerInfo,
};
use tokio::time::{Instant, timeout_at};

use super::{
    discover::{discover, discover_result},
    era_evidence::EraEvidence,
    first_request::{answer, close},
    shared_info::SharedInfo,
};
use crate::{
    era_cache::ServerEra,
    limits::Limits,
    session::{Connection, NewConnection, STATELESS},
};

/// What the handshakes of a connector share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) clients: HttpClients,
    pub(crate) limits: Arc<Limits>,
    pub(crate) infos: Arc<SharedInfo>,
}

/// One handshake, in one era, over its own connection.
pub(crate) struct Handshake<'r> {
    connection: Arc<Connection>,
    request: &'r ConnectRequest,
    infos: &'r SharedInfo,
    /// Whether the server is known to be of this era, so that a stateless one needs no request.
    is_known: bool,
    /// The revision that `initialize` offers.
    revision: ProtocolVersion,
}

/// A failed handshake.
pub(crate) struct FailedHandshake {
    pub(crate) error: ConnectError,
    pub(crate) evidence: EraEvidence,
    pub(crate) denial: Denial,
    /// The revision to offer next, where the server refused the one that was offered.
    pub(crate) older: Option<ProtocolVersion>,
    /// True where the server began to answer and the connection died.
    pub(crate) was_cut_off: bool,
}

/// What a failed handshake shows of the transport (revision 2025-11-25, transports, backwards
/// compatibility).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Nothing, or that it is spoken.
    None,
    /// 400, 404 or 405 to `initialize`: it is not spoken.
    OfInitialize,
    /// 404 or 405 without a JSON-RPC answer: nothing is there that takes a POST.
    OfPost,
}

impl Denial {
    fn of(era: Era, status: Option<StatusCode>, error_code: Option<i32>, answered: bool) -> Self {
        let is_modern = error_code.is_some_and(|code| MODERN_ERRORS.contains(&code));
        match status {
            Some(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) if !answered => {
                Self::OfPost
            }
            Some(
                StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED,
            ) if era == Era::Legacy && !is_modern => Self::OfInitialize,
            _ => Self::None,
        }
    }
}

/// Why a handshake failed: the HTTP fault, where there was one, and what it comes to.
struct Failure {
    error: ConnectError,
    fault: Option<HttpFault>,
    /// The code of a JSON-RPC error.
    code: Option<i32>,
    /// The refusal of the revision that was offered.
    refused: Option<RefusedRevision>,
}

impl<'r> Handshake<'r> {
    pub(crate) fn new(
        shared: &'r Shared,
        request: &'r ConnectRequest,
        server: Arc<ServerEra>,
        era: Era,
    ) -> Self {
        let inbox = request.inbox();
        let config = inbox.client_config();
        let client = (era == Era::Stateless).then(|| {
            let (info, capabilities) = (config.client_info, config.capabilities);
            let meta = RequestMetaObject::with_client_context(STATELESS, info, capabilities);
            ClientContext::new(meta)
        });
        let is_known = server.era() == Some(era);
        let connection = Connection::new(NewConnection {
            clients: shared.clients.clone(),
            http_session: HttpSession::of(request),
            endpoint: request.endpoint().clone(),
            credentials: request.credentials().clone(),
            limits: Arc::clone(&shared.limits),
            era,
            server,
            inbox,
            client,
            wants_stream: request.wants_server_messages(),
        });
        Self {
            connection,
            request,
            infos: &shared.infos,
            is_known,
            revision: ProtocolVersion::LATEST_WITH_INITIALIZE,
        }
    }

    /// Sets the revision that `initialize` offers. Default: the latest one that has it.
    pub(crate) fn offering(mut self, revision: ProtocolVersion) -> Self {
        self.revision = revision;
        self
    }

    /// Opens the session, within `deadline`.
    ///
    /// On failure a background task closes the session that the server may have opened.
    pub(crate) async fn run(self, deadline: Instant) -> Result<Session, FailedHandshake> {
        let (connection, request) = (Arc::clone(&self.connection), self.request);
        let offered = self.revision.clone();
        let opened = match connection.era {
            Era::Stateless => timeout_at(deadline, self.open_stateless()).await,
            _ => timeout_at(deadline, self.open_legacy()).await,
        };
        let failure = match opened {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(failure)) => failure,
            Err(_) => {
                if connection.first_status().is_some() {
                    request.note_answered();
                }
                request.timed_out().into()
            }
        };
        let evidence = EraEvidence::of(connection.era, &failure.error, failure.fault.as_ref());
        let (era, status) = (connection.era, connection.first_status());
        let denial = Denial::of(era, status, failure.code, failure.fault.is_none());
        let fault = failure.fault.as_ref();
        let was_cut_off = status.is_some() && fault.is_some_and(HttpFault::is_dead_connection);
        tokio::spawn(Box::pin(close(connection)));
        Err(FailedHandshake {
            error: failure.error,
            evidence,
            denial,
            was_cut_off,
            older: failure.refused.and_then(|refused| refused.next(&offered)),
        })
    }

    /// `initialize` and `notifications/initialized` (revision 2025-11-25, lifecycle).
    async fn open_legacy(self) -> Result<Session, Failure> {
        let connection = &self.connection;
        let client = connection.inbox.client_config();
        let request = initialize_request_in(client, self.revision.clone());
        let call = WireCall::new(connection.inbox.ids().next(), request, None);
        let answer = answer(connection, call).await?;
        let code = code_of(&answer);
        let refused = answer.error().and_then(RefusedRevision::of_error);
        let result = initialize_result(answer).map_err(|error| Failure {
            refused,
            ..Failure::refused(error, code)
        })?;
        connection.note_revision(&result.protocol_version);
        let mut info = connection.info(result.protocol_version.as_str());
        if let Some(id) = connection.session_id() {
            info = info.with_session_id(id);
        }
        connection.note_info(self.shared(result.into()));
        let initialized = InitializedNotification::default();
        let initialized = ClientNotification::InitializedNotification(initialized);
        let initialized = ClientJsonRpcMessage::notification(initialized);
        send_repeatedly(|| connection.send_message(&initialized, None)).await?;
        connection.receive_early().await;
        connection.start_listening();
        if self.request.needs_server_messages() {
            // Without the wait, a server request during the first call would race with the stream.
            connection.stream_settled().await;
        }
        Ok(self.session(info))
    }

    /// `server/discover`, except with a server that is known to be stateless: it needs no handshake
    /// (revision 2026-07-28, versioning).
    async fn open_stateless(self) -> Result<Session, Failure> {
        let connection = &self.connection;
        if !self.is_known {
            let answer = discover(connection).await?;
            let code = code_of(&answer);
            let result = discover_result(answer).map_err(|error| Failure::refused(error, code))?;
            let info = ServerPeerInfo::from_discover_result(STATELESS, result);
            connection.note_info(self.shared(info));
            connection.receive_early().await;
        }
        let slots = self.request.slots_of(Era::Stateless);
        let info = connection
            .info(STATELESS.as_str())
            .with_max_concurrent(slots);
        Ok(self.session(info))
    }

    fn shared(&self, info: ServerPeerInfo) -> Arc<ServerPeerInfo> {
        self.infos.share(self.request.endpoint(), info)
    }

    fn session(self, info: SessionInfo) -> Session {
        let notifier = self.connection.close_notifier.clone();
        Session::of(self.connection, info).with_close_notifier(notifier)
    }
}

impl From<HttpFault> for Failure {
    fn from(fault: HttpFault) -> Self {
        Self {
            error: fault.clone().into(),
            refused: fault.refused_revision().cloned(),
            fault: Some(fault),
            code: None,
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::refused(error, None)
    }
}

impl Failure {
    /// The server answered, and not with what was requested.
    fn refused(error: ConnectError, code: Option<i32>) -> Self {
        Self {
            error,
            fault: None,
            code,
            refused: None,
        }
    }
}

fn code_of(answer: &Answer) -> Option<i32> {
    answer.error().map(|error| error.code.0)
}

/// Errors of revision 2026-07-28 that reject a request before execution.
///
/// In this order: header mismatch, missing client capability, unsupported protocol version, method
/// not found (basic, error codes; transports, streamable HTTP).
const MODERN_ERRORS: [i32; 4] = [-32020, -32021, -32022, -32601];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_specification_names_denies_the_transport() {
        let of = |era, status: u16, code, answered| {
            Denial::of(era, StatusCode::from_u16(status).ok(), code, answered)
        };
        for status in [404, 405] {
            assert_eq!(of(Era::Stateless, status, None, false), Denial::OfPost);
            assert_eq!(of(Era::Legacy, status, None, false), Denial::OfPost);
            let code = Some(-32000);
            assert_eq!(of(Era::Stateless, status, code, true), Denial::None);
            assert_eq!(of(Era::Legacy, status, code, true), Denial::OfInitialize);
        }
        assert_eq!(of(Era::Stateless, 400, None, false), Denial::None);
        assert_eq!(of(Era::Legacy, 400, None, false), Denial::OfInitialize);
        for code in MODERN_ERRORS {
            assert_eq!(of(Era::Legacy, 400, Some(code), true), Denial::None);
        }
        for status in [200, 307, 401, 403, 406, 429, 500] {
            assert_eq!(of(Era::Legacy, status, Some(-1), true), Denial::None);
        }
        assert_eq!(Denial::of(Era::Legacy, None, None, false), Denial::None);
    }
}
