//! Messages to the server.

use std::{collections::HashMap, sync::Arc};

use http::{HeaderName, HeaderValue, Method};
use mcp_pool_core::{CallContext, FaultKind, Outcome};
use mcp_pool_http::HttpFault;
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, GetExtensions},
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
        let asked = Asked::of(
            &self.message,
            link.is_in_session(),
            *link.stream.borrow() == StreamState::Open,
        );
        let limits = self.limits;
        let response = match opens_session(&self.message) {
            true => self.open(link).await,
            false => self.exchange(link).await,
        };
        let answer = match response {
            Ok(response) => decode(response, &asked, limits).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = &answer {
            link.note_fault(fault);
            if *fault.kind() == FaultKind::SessionGone {
                link.alarm.raise();
            }
        }
        answer
    }

    /// Sends the message that opens a session. Its response is awaited whoever goes away meanwhile,
    /// since a session that the server has opened must be closed.
    async fn open(self, link: &Arc<Link>) -> Result<reqwest::Response, HttpFault> {
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

fn opens_session(message: &ClientJsonRpcMessage) -> bool {
    matches!(
        message,
        ClientJsonRpcMessage::Request(request)
            if matches!(request.request, ClientRequest::InitializeRequest(_))
    )
}

/// Whose call a message belongs to, where the pool said so.
fn call_context(message: &ClientJsonRpcMessage) -> Option<CallContext> {
    match message {
        ClientJsonRpcMessage::Request(request) => request.request.extensions().get().cloned(),
        _ => None,
    }
}
