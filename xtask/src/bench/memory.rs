//! A transport without a network.
//!
//! Its server in the same process answers only the handshake and `ping`.

use std::{convert::Infallible, future::Future};

use async_trait::async_trait;
use mcp_pool_core::{
    TransportKind,
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Connector, Era, RunningSession, Session, SessionInfo},
};
use rmcp::{
    RoleClient, ServiceExt,
    model::{
        ClientRequest, EmptyObject, InitializeResult, JsonRpcMessage, ProtocolVersion,
        ServerCapabilities, ServerJsonRpcMessage, ServerResult,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::mpsc;

/// Opens sessions with the server in memory.
pub(super) struct MemoryConnector;

impl MemoryConnector {
    pub(super) fn transport() -> TransportKind {
        TransportKind::new("memory")
    }
}

/// The transport of one session. Each request is answered at once.
struct MemoryTransport {
    answers: mpsc::UnboundedSender<RxJsonRpcMessage<RoleClient>>,
    inbox: mpsc::UnboundedReceiver<RxJsonRpcMessage<RoleClient>>,
}

impl MemoryTransport {
    fn new() -> Self {
        let (answers, inbox) = mpsc::unbounded_channel();
        Self { answers, inbox }
    }
}

#[async_trait]
impl Connector for MemoryConnector {
    fn kind(&self) -> TransportKind {
        Self::transport()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        let client = request.handler().into_service(REVISION);
        let running = client
            .serve(MemoryTransport::new())
            .await
            .map_err(|error| ConnectError::new(FaultKind::Protocol).with_source(error))?;
        let info = SessionInfo::new(Era::Legacy, REVISION.as_str());
        Ok(Session::new(RunningSession::new(running), info))
    }
}

impl Transport<RoleClient> for MemoryTransport {
    type Error = Infallible;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        if let JsonRpcMessage::Request(request) = message {
            let answer = ServerJsonRpcMessage::response(answer(&request.request), request.id);
            // Fails only when the client is dropped, and then no caller waits for the answer.
            let _ = self.answers.send(answer);
        }
        std::future::ready(Ok(()))
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.inbox.recv().await
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

fn answer(request: &ClientRequest) -> ServerResult {
    match request {
        ClientRequest::InitializeRequest(_) => {
            let result = InitializeResult::new(ServerCapabilities::default());
            ServerResult::InitializeResult(result.with_protocol_version(REVISION))
        }
        _ => ServerResult::EmptyResult(EmptyObject {}),
    }
}

const REVISION: ProtocolVersion = ProtocolVersion::V_2025_11_25;
