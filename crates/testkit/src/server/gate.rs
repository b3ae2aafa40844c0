//! What stands before the MCP server proper: counts, delays, refuses.

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
    Form, Revisions, Switches, UnknownSession,
    counter::Counters,
    ledger::{Ledger, Seen},
    sse::{Streams, session_in},
};

/// What stands before the MCP server proper.
#[derive(Clone)]
pub(crate) struct Gate {
    form: Form,
    ledger: Arc<Ledger>,
    switches: Switches,
    counters: Counters,
    streams: Streams,
}

impl Gate {
    pub(crate) fn new(form: Form, ledger: Arc<Ledger>, switches: Switches) -> Self {
        let counters = Counters::new(form.revisions, switches.clone());
        Self {
            streams: Streams::new(Arc::clone(&ledger), counters.clone()),
            counters,
            form,
            ledger,
            switches,
        }
    }

    /// The gate with the server behind it.
    pub(crate) fn into_router(self) -> Router {
        let mut config = StreamableHttpServerConfig::default();
        config.legacy_session_mode = self.form.sessions;
        config.json_response = self.form.json;
        let counters = self.counters.clone();
        let service = StreamableHttpService::new(
            move || Ok(counters.handler()),
            Arc::new(LocalSessionManager::default()),
            config,
        );
        let (stream, messages) = (self.streams.stream(), self.streams.clone().messages());
        let router = match (self.form.sse, self.form.streamable_http) {
            (false, _) => Router::new().fallback_service(service),
            (true, false) => messages.route(PATH, stream),
            (true, true) => messages.route(PATH, stream.fallback_service(service)),
        };
        router.layer(from_fn_with_state(self, pass))
    }

    /// What is said instead of passing a request on, if anything is.
    async fn stop(&self, seen: &Seen) -> Option<Response> {
        if self.switches.hangs(&seen.method) {
            futures::future::pending::<()>().await;
        }
        if let Some(refusal) = self.switches.refusal(&seen.method, &seen.headers) {
            return Some((refusal.status, refusal.headers).into_response());
        }
        if seen.method == "initialize" {
            tokio::time::sleep(self.switches.initialize_delay()).await;
        }
        if self.form.revisions == Revisions::Stateless && !self.form.sessions {
            // It takes no notice of a session id.
            return self.refuse_older_revisions(seen);
        }
        let session = seen.session.as_ref()?;
        if self.ledger.knows(session) {
            return None;
        }
        Some(match self.switches.unknown_session() {
            UnknownSession::NotFound => StatusCode::NOT_FOUND.into_response(),
            UnknownSession::NamelessError => bad_request(NAMELESS_ERROR.to_owned()),
        })
    }

    /// What a server that speaks only revision 2026-07-28 says to a request of another one. rmcp's
    /// server would rather execute it.
    fn refuse_older_revisions(&self, seen: &Seen) -> Option<Response> {
        let spoken = seen.headers.get("mcp-protocol-version");
        let spoken = spoken
            .and_then(|version| version.to_str().ok())
            .unwrap_or("");
        let known = self.form.revisions.versions();
        let is_handshake = seen.method == "initialize";
        if seen.message.is_null()
            || is_handshake
            || known.iter().any(|version| version.as_str() == spoken)
        {
            return None;
        }
        let error = serde_json::json!({
            "jsonrpc": "2.0",
            "id": seen.message.get("id"),
            "error": {
                "code": -32022,
                "message": "unsupported protocol version",
                "data": { "supported": known, "requested": spoken },
            },
        });
        Some(bad_request(error.to_string()))
    }

    /// Notes what a response says about sessions.
    fn note_response(&self, seen: &Seen, response: &Response) {
        if !response.status().is_success() {
            return;
        }
        match (seen.method.as_str(), &seen.session) {
            ("initialize", _) => {
                if let Some(session) = session_header(response.headers()) {
                    self.ledger.note_opened(session);
                }
            }
            ("DELETE", Some(session)) => self.ledger.note_closed(session),
            _ => {}
        }
    }
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
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
    gate.ledger.note(seen.clone());
    if let Some(response) = gate.stop(&seen).await {
        return response;
    }
    let loses_reply = gate.switches.loses_reply(&seen.method);
    let answers_elsewhere = parts.uri.path() != PATH;
    if let (true, true, Some(session)) = (loses_reply, answers_elsewhere, &seen.session) {
        gate.streams.lose_answer(session);
    }
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    gate.note_response(&seen, &response);
    if let Some(id) = gate.switches.stray_session() {
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

/// The response as it looks when its connection breaks after the server has done its work.
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

/// The session that a request names: in its header, or in its query.
fn session_id(parts: &Parts) -> Option<String> {
    let query = parts.uri.query().and_then(session_in).map(str::to_owned);
    session_header(&parts.headers).or(query)
}

fn session_header(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(SESSION_ID)?.to_str().ok()?;
    Some(id.to_owned())
}

/// Where the server is.
pub(super) const PATH: &str = "/mcp";
const SESSION_ID: &str = "mcp-session-id";
const MAX_BODY: usize = 16 * 1024 * 1024;
const NAMELESS_ERROR: &str =
    r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no valid session id"},"id":null}"#;
