//! A transport over memory, with a server at the other end.

use mcp_pool_core::error::{FaultKind, Outcome};
use rmcp::{
    RoleClient,
    model::{
        CallToolResult, ClientRequest, ContentBlock, EmptyObject, InitializeResult, JsonRpcMessage,
        ListToolsResult, ProtocolVersion, RequestId, ServerCapabilities, ServerJsonRpcMessage,
        ServerResult,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::mpsc;

use super::{behaviour::play, remote::Remote};

/// A transport over memory.
pub(super) struct Memory {
    id: u64,
    remote: Remote,
    answers: mpsc::UnboundedSender<RxJsonRpcMessage<RoleClient>>,
    inbox: mpsc::UnboundedReceiver<RxJsonRpcMessage<RoleClient>>,
}

/// The reason why a message got no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("fake: {kind}")]
pub(super) struct FakeFault {
    pub(super) outcome: Outcome,
    pub(super) kind: FaultKind,
}

impl Memory {
    pub(super) fn new(id: u64, remote: Remote) -> Self {
        let (answers, inbox) = mpsc::unbounded_channel();
        remote.note_client(id, answers.clone());
        Self {
            id,
            remote,
            answers,
            inbox,
        }
    }
}

impl Transport<RoleClient> for Memory {
    type Error = FakeFault;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), FakeFault>> + Send + 'static {
        let (id, remote, answers) = (self.id, self.remote.clone(), self.answers.clone());
        async move {
            let JsonRpcMessage::Request(request) = message else {
                return Ok(());
            };
            let result = match request.request {
                ClientRequest::InitializeRequest(_) => initialized(),
                ClientRequest::ListToolsRequest(_) => {
                    remote.note_list();
                    ServerResult::ListToolsResult(ListToolsResult::default())
                }
                ClientRequest::PingRequest(_) => ServerResult::EmptyResult(EmptyObject {}),
                ClientRequest::CallToolRequest(tool_call) => {
                    call(id, &remote, Some(&tool_call.params.name), &request.id).await?
                }
                _ => call(id, &remote, None, &request.id).await?,
            };
            let _ = answers.send(answer(result, request.id));
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.inbox.recv().await
    }

    async fn close(&mut self) -> Result<(), FakeFault> {
        Ok(())
    }
}

async fn call(
    id: u64,
    remote: &Remote,
    tool: Option<&str>,
    request: &RequestId,
) -> Result<ServerResult, FakeFault> {
    play(&remote.delivery).await.map_err(|kind| FakeFault {
        outcome: Outcome::NotExecuted,
        kind,
    })?;
    let Some(count) = remote.note_call(id, tool, request) else {
        return Err(FakeFault {
            outcome: Outcome::NotExecuted,
            kind: FaultKind::SessionGone,
        });
    };
    play(&remote.call).await.map_err(|kind| FakeFault {
        outcome: Outcome::Unknown,
        kind,
    })?;
    let text = ContentBlock::text(count.to_string());
    Ok(ServerResult::CallToolResult(CallToolResult::success(vec![
        text,
    ])))
}

fn initialized() -> ServerResult {
    let capabilities = ServerCapabilities::builder().enable_tools().build();
    let result = InitializeResult::new(capabilities);
    ServerResult::InitializeResult(
        result.with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE),
    )
}

fn answer(result: ServerResult, id: RequestId) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::response(result, id)
}
