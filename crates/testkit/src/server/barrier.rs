//! The barrier before the MCP server: it counts, delays and refuses requests.

use std::{io, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};

use super::{
    counter::Counters,
    modes::{Modes, Revisions},
    request_log::{RequestLog, Seen},
    sse::{Streams, session_in},
    switches::{Switches, UnknownSession},
};

/// The middleware before the MCP server.
#[derive(Clone)]
pub(crate) struct Barrier {
    modes: Modes,
    log: Arc<RequestLog>,
    switches: Switches,
    counters: Counters,
    streams: Streams,
}

impl Barrier {
    pub(crate) fn new(modes: Modes, log: Arc<RequestLog>, switches: Switches) -> Self {
        let counters = Counters::new(modes.revisions, switches.clone());
        Self {
            streams: Streams::new(Arc::clone(&log), counters.clone()),
            counters,
            modes,
            log,
            switches,
        }
    }

    /// The barrier with the server behind it.
    pub(crate) fn into_router(self) -> Router {
        let mut config = StreamableHttpServerConfig::default();
        config.legacy_session_mode = self.modes.sessions;
        config.json_response = self.modes.json;
        let counters = self.counters.clone();
        let service = StreamableHttpService::new(
            move || Ok(counters.handler()),
            Arc::new(LocalSessionManager::default()),
            config,
        );
        let (stream, messages) = (self.streams.stream(), self.streams.clone().messages());
        let router = match (self.modes.sse, self.modes.streamable_http) {
            (false, _) => Router::new().fallback_service(service),
            (true, false) => messages.route(PATH, stream),
            (true, true) => messages.route(PATH, stream.fallback_service(service)),
        };
        router.layer(from_fn_with_state(self, pass))
    }

    /// The response that replaces the server's own; `None` passes the request on.
    async fn intercept(&self, seen: &Seen) -> Option<Response> {
        if self.switches.hangs(&seen.method) {
            futures::future::pending::<()>().await;
        }
        if let Some(refusal) = self.switches.refusal(&seen.method, &seen.headers) {
            return Some((refusal.status, refusal.headers).into_response());
        }
        if seen.method == "initialize" {
            tokio::time::sleep(self.switches.initialize_delay()).await;
        }
        if self.modes.revisions == Revisions::Stateless && !self.modes.sessions {
            // This server ignores a session id.
            return self.refuse_older_revisions(seen);
        }
        let session = seen.session.as_ref()?;
        if self.log.knows(session) {
            return None;
        }
        Some(match self.switches.unknown_session() {
            UnknownSession::NotFound => StatusCode::NOT_FOUND.into_response(),
            UnknownSession::NamelessError => bad_request(NAMELESS_ERROR.to_owned()),
        })
    }

    /// Refuses a request of a revision before 2026-07-28.
    ///
    /// rmcp's server executes such a request, a real server of that revision does not.
    fn refuse_older_revisions(&self, seen: &Seen) -> Option<Response> {
        let revision = seen.headers.get("mcp-protocol-version");
        let revision = revision
            .and_then(|version| version.to_str().ok())
            .unwrap_or("");
        let known = self.modes.revisions.versions();
        let is_handshake = seen.method == "initialize";
        if seen.message.is_null()
            || is_handshake
            || known.iter().any(|version| version.as_str() == revision)
        {
            return None;
        }
        let error = serde_json::json!({
            "jsonrpc": "2.0",
            "id": seen.message.get("id"),
            "error": {
                "code": -32022,
                "message": "unsupported protocol version",
                "data": { "supported": known, "requested": revision },
            },
        });
        Some(bad_request(error.to_string()))
    }

    /// Records which session a response opens or closes.
    fn note_response(&self, seen: &Seen, response: &Response) {
        if !response.status().is_success() {
            return;
        }
        match (seen.method.as_str(), &seen.session) {
            ("initialize", _) => {
                if let Some(session) = session_header(response.headers()) {
                    self.log.note_opened(session);
                }
            }
            ("DELETE", Some(session)) => self.log.note_closed(session),
            _ => {}
        }
    }
}

async fn pass(State(barrier): State<Barrier>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let message = serde_json::from_slice(&body).unwrap_or_default();
    let seen = Seen {
        method: method(&parts.method, &message),
        session: session_id(&parts),
        headers: parts.headers.clone(),
        message,
    };
    barrier.log.note(seen.clone());
    if let Some(response) = barrier.intercept(&seen).await {
        return response;
    }
    let loses_reply = barrier.switches.loses_reply(&seen.method);
    let answers_elsewhere = parts.uri.path() != PATH;
    if let (true, true, Some(session)) = (loses_reply, answers_elsewhere, &seen.session) {
        barrier.streams.lose_answer(session);
    }
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    barrier.note_response(&seen, &response);
    if let Some(id) = barrier.switches.stray_session() {
        response.headers_mut().insert(SESSION_ID, id);
    }
    match loses_reply && !answers_elsewhere {
        true => broken_off(response).await,
        false => response,
    }
}

/// A refusal with a JSON-RPC error.
fn bad_request(error: String) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::BAD_REQUEST, json, error).into_response()
}

/// The response, broken off after the server has executed the request.
async fn broken_off(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let _ = to_bytes(body, MAX_BODY).await;
    let broken = futures::stream::iter([
        Ok(Bytes::from_static(b"d")),
        Err(io::Error::other("the reply is lost")),
    ]);
    let mut response = Response::from_parts(parts, Body::from_stream(broken));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

fn method(http: &Method, message: &serde_json::Value) -> String {
    if *http != Method::POST {
        return http.to_string();
    }
    let method = message.get("method").and_then(|method| method.as_str());
    method.unwrap_or("response").to_owned()
}

/// The session id of a request: from its header, or from its query.
fn session_id(parts: &Parts) -> Option<String> {
    let query = parts.uri.query().and_then(session_in).map(str::to_owned);
    session_header(&parts.headers).or(query)
}

fn session_header(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(SESSION_ID)?.to_str().ok()?;
    Some(id.to_owned())
}

/// The path of the server.
pub(super) const PATH: &str = "/mcp";
const SESSION_ID: &str = "mcp-session-id";
const MAX_BODY: usize = 16 * 1024 * 1024;
const NAMELESS_ERROR: &str =
    r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no valid session id"},"id":null}"#;
