//! Messages to the server, one POST each.

use std::{collections::HashMap, sync::Arc};

use http::{HeaderName, HeaderValue, Method};
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::CallContext,
};
use mcp_pool_http::HttpFault;
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, GetExtensions, RequestId},
    transport::streamable_http_client::{StreamableHttpPostResponse, StreamableHttpResponseLimits},
};

use super::connection::{Connection, Outgoing, StreamState};
use crate::response::{SentRequest, decode};

/// One message to send.
pub(crate) struct Post {
    pub(crate) message: ClientJsonRpcMessage,
    pub(crate) protocol: HashMap<HeaderName, HeaderValue>,
    pub(crate) limits: StreamableHttpResponseLimits,
}

impl Post {
    /// Sends the message and reads the response.
    pub(crate) async fn send(
        self,
        connection: &Arc<Connection>,
    ) -> Result<StreamableHttpPostResponse, HttpFault> {
        let purpose = Purpose::of(&self.message);
        let sent = SentRequest {
            request: request_id(&self.message),
            era: (purpose == Purpose::Call).then_some(connection.era),
            in_session: connection.is_in_session(),
            has_stream: *connection.stream.borrow() == StreamState::Open,
        };
        let limits = self.limits;
        let response = match purpose {
            Purpose::Initialize => self.initialize(connection).await,
            Purpose::Discover => self.discover(connection).await,
            Purpose::Call => self.exchange(connection).await,
        };
        let answer = match response {
            Ok(response) => decode(response, &sent, limits).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = &answer {
            connection.note_fault(fault);
            if *fault.kind() == FaultKind::SessionGone {
                connection.close_notifier.notify();
            }
        }
        answer
    }

    /// Sends the message that opens a session.
    ///
    /// The request runs on a task, to its end even if the caller is cancelled: a session that the
    /// server has opened must be closed.
    pub(crate) async fn initialize(
        self,
        connection: &Arc<Connection>,
    ) -> Result<reqwest::Response, HttpFault> {
        let own = Arc::clone(connection);
        let response = connection.initializing.spawn(async move {
            let response = self.exchange(&own).await?;
            own.note_session(response.headers())?;
            Ok(response)
        });
        response.await.unwrap_or_else(|_| {
            let what = "the runtime is shutting down";
            Err(HttpFault::new(Outcome::Unknown, FaultKind::Other, what))
        })
    }

    /// Sends `discover`.
    ///
    /// A server may open a session for it. Its id is stored, so that the session is closed.
    async fn discover(self, connection: &Connection) -> Result<reqwest::Response, HttpFault> {
        let response = self.exchange(connection).await?;
        connection.note_session(response.headers())?;
        Ok(response)
    }

    async fn exchange(self, connection: &Connection) -> Result<reqwest::Response, HttpFault> {
        let body = serde_json::to_vec(&self.message).map_err(|_| {
            let what = "the message cannot be written as json";
            HttpFault::harmless(Outcome::NotExecuted, FaultKind::Other, what)
        })?;
        let outgoing = Outgoing {
            method: Method::POST,
            call: call_context(&self.message),
            body: Some(body.into()),
            last_event_id: None,
            protocol: &self.protocol,
        };
        connection.send(outgoing).await
    }
}

/// The purpose of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Opens a session.
    Initialize,
    /// Queries the revisions of the server.
    Discover,
    /// Anything after that.
    Call,
}

impl Purpose {
    fn of(message: &ClientJsonRpcMessage) -> Self {
        let ClientJsonRpcMessage::Request(request) = message else {
            return Self::Call;
        };
        match request.request {
            ClientRequest::InitializeRequest(_) => Self::Initialize,
            ClientRequest::DiscoverRequest(_) => Self::Discover,
            _ => Self::Call,
        }
    }
}

/// The id of a request; `None` for a message that has no answer.
fn request_id(message: &ClientJsonRpcMessage) -> Option<RequestId> {
    match message {
        ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
        _ => None,
    }
}

/// The context of the call that a message belongs to, set by the pool.
fn call_context(message: &ClientJsonRpcMessage) -> Option<CallContext> {
    match message {
        ClientJsonRpcMessage::Request(request) => request.request.extensions().get().cloned(),
        _ => None,
    }
}
