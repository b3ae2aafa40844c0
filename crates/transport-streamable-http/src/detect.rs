//! Whether Streamable HTTP is spoken at an address.
//!
//! The rule is that of the specification's backwards compatibility (revision 2025-11-25,
//! transports): a POST of `initialize` that succeeds says yes, and one that gets 400, 404 or 405
//! says no. Since revision 2026-07-28 a server may also say yes by an error of its own.

use std::{collections::HashMap, sync::Arc};

use http::StatusCode;
use mcp_pool_core::{ConnectError, ConnectRequest, Detection, FaultKind};
use rmcp::{
    Service,
    model::{
        ClientJsonRpcMessage, ClientRequest, InitializeRequest, ProtocolVersion, RequestId,
        ServerJsonRpcMessage,
    },
    transport::streamable_http_client::StreamableHttpResponseLimits,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    decode::{Form, form, parse},
    events::body,
    fault::HttpFault,
    handshake::abandon,
    link::{Link, NewLink},
    post::Post,
};

/// A question to an address.
pub(crate) struct Question {
    link: Arc<Link>,
    post: Post,
    deadline: Instant,
}

impl Question {
    pub(crate) fn new(http: reqwest::Client, request: &ConnectRequest) -> Self {
        let link = Link::new(NewLink {
            http,
            endpoint: request.endpoint().clone(),
            credentials: request.credentials().clone(),
            wants_stream: false,
        });
        let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        let client = request.handler().into_service(version).get_info();
        let initialize = ClientRequest::InitializeRequest(InitializeRequest::new(client));
        let post = Post {
            message: ClientJsonRpcMessage::request(initialize, RequestId::Number(0)),
            protocol: HashMap::new(),
            limits: StreamableHttpResponseLimits::default(),
        };
        Self {
            link,
            post,
            deadline: request.deadline(),
        }
    }

    /// Asks, and closes the session that may have been opened by that.
    pub(crate) async fn ask(self) -> Result<Detection, ConnectError> {
        let link = Arc::clone(&self.link);
        let answer = timeout_at(self.deadline, self.answer()).await;
        abandon(link).await;
        match answer {
            Ok(Ok(detection)) => Ok(detection),
            Ok(Err(fault)) => Err(ConnectError::new(fault.kind().clone()).with_source(fault)),
            Err(_) => Err(ConnectError::new(FaultKind::Timeout)),
        }
    }

    async fn answer(self) -> Result<Detection, HttpFault> {
        let response = self.post.open(&self.link).await?;
        let (status, headers) = (response.status(), response.headers());
        let form = form(headers);
        match status {
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED => Ok(match form {
                Form::Json if is_modern(&read(response).await) => Detection::Mine,
                _ => Detection::NotMine,
            }),
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Err(no_answer()),
            status if !status.is_success() => Err(HttpFault::of_status(status, headers, false)),
            _ => match form {
                // What it says, only a session can tell; that it says it like this is enough.
                Form::Events => Ok(Detection::Mine),
                Form::Json if is_answer(&read(response).await) => Ok(Detection::Mine),
                _ => Err(no_answer()),
            },
        }
    }
}

/// The message in a body, if it is one.
async fn read(response: reqwest::Response) -> Option<ServerJsonRpcMessage> {
    let body = body(response, MAX_ANSWER).await.ok()?;
    parse(&body)
}

/// Whether a refusal comes from a server that is too new for `initialize`, rather than from
/// something that does not know Streamable HTTP.
fn is_modern(refusal: &Option<ServerJsonRpcMessage>) -> bool {
    matches!(refusal, Some(ServerJsonRpcMessage::Error(refusal))
        if MODERN_ERRORS.contains(&refusal.error.code.0))
}

fn is_answer(message: &Option<ServerJsonRpcMessage>) -> bool {
    matches!(
        message,
        Some(ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_))
    )
}

fn no_answer() -> HttpFault {
    HttpFault::new(
        mcp_pool_core::Outcome::Unknown,
        FaultKind::Protocol,
        "the answer to `initialize` is none",
    )
}

/// How servers of revision 2026-07-28 refuse a request before they execute it: a header and a body
/// that differ, a capability that is missing, a revision that is not supported, a method that is not
/// known (basic, error codes; transports, streamable HTTP).
const MODERN_ERRORS: [i32; 4] = [-32020, -32021, -32022, -32601];

/// The result of `initialize` with long instructions is well under it.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
