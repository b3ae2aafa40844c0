//! Messages to the server.

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

use crate::{
    decode::{Asked, decode},
    link::{Link, Outgoing, StreamState},
};

/// One message to be sent.
pub(crate) struct Post {
    pub(crate) message: ClientJsonRpcMessage,
    pub(crate) protocol: HashMap<HeaderName, HeaderValue>,
    pub(crate) limits: StreamableHttpResponseLimits,
}

impl Post {
    /// Sends the message and reads the response.
    pub(crate) async fn send(
        self,
        link: &Arc<Link>,
    ) -> Result<StreamableHttpPostResponse, HttpFault> {
        let step = Step::of(&self.message);
        let asked = Asked {
            request: request_id(&self.message),
            era: (step == Step::Call).then_some(link.era),
            in_session: link.is_in_session(),
            has_stream: *link.stream.borrow() == StreamState::Open,
        };
        let limits = self.limits;
        let response = match step {
            Step::Initialize => self.open(link).await,
            Step::Discover => self.probe(link).await,
            Step::Call => self.exchange(link).await,
        };
        let answer = match response {
            Ok(response) => decode(response, &asked, limits).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = &answer {
            link.note_fault(fault);
            if *fault.kind() == FaultKind::SessionGone {
                link.alarm.notify();
            }
        }
        answer
    }

    /// Sends the message that opens a session. Its response is awaited whoever goes away meanwhile,
    /// since a session that the server has opened must be closed.
    pub(crate) async fn open(self, link: &Arc<Link>) -> Result<reqwest::Response, HttpFault> {
        let opening = Arc::clone(link);
        let response = link.opening.spawn(async move {
            let response = self.exchange(&opening).await?;
            opening.note_session(response.headers())?;
            Ok(response)
        });
        response.await.unwrap_or_else(|_| {
            let what = "the runtime is shutting down";
            Err(HttpFault::new(Outcome::Unknown, FaultKind::Other, what))
        })
    }

    /// Asks a server what it speaks. One that opens a session for it is told that it did so in vain,
    /// if nothing comes of it.
    async fn probe(self, link: &Link) -> Result<reqwest::Response, HttpFault> {
        let response = self.exchange(link).await?;
        link.note_session(response.headers())?;
        Ok(response)
    }

    async fn exchange(self, link: &Link) -> Result<reqwest::Response, HttpFault> {
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
        link.send(outgoing).await
    }
}

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Opens a session.
    Initialize,
    /// Asks what the server speaks.
    Discover,
    /// Anything after that.
    Call,
}

impl Step {
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

/// Whose call a message belongs to, where the pool said so.
fn call_context(message: &ClientJsonRpcMessage) -> Option<CallContext> {
    match message {
        ClientJsonRpcMessage::Request(request) => request.request.extensions().get().cloned(),
        _ => None,
    }
}
