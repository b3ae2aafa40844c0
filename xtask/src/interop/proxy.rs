//! A reverse proxy that counts sessions, calls and open streams.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts};
use tokio::{net::TcpListener, task::JoinHandle};

use super::session_log::{End, SessionLog};
use crate::Result;

/// A proxy in front of one server. Stops when dropped.
pub(super) struct Proxy {
    address: SocketAddr,
    log: Arc<SessionLog>,
    serving: JoinHandle<()>,
}

/// Forwards requests to the server.
#[derive(Clone)]
struct Forwarder {
    upstream: SocketAddr,
    http: reqwest::Client,
    log: Arc<SessionLog>,
}

/// The method and the session of a request.
struct Seen {
    /// The JSON-RPC method, or the HTTP method of a request without one.
    method: String,
    /// The session in its header or in its query.
    session: Option<String>,
}

impl Proxy {
    pub(super) async fn start(upstream: SocketAddr) -> Result<Self> {
        let log = Arc::new(SessionLog::default());
        let forwarder = Forwarder {
            upstream,
            // A connection to a server that was killed must not be used again.
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            log: Arc::clone(&log),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().fallback(pass).with_state(forwarder);
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            log,
            serving,
        })
    }

    /// The address of a path on the server, through the proxy.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn log(&self) -> &SessionLog {
        &self.log
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(State(forwarder): State<Forwarder>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let seen = Seen::of(&parts, &body);
    match forwarder.send(&parts, body).await {
        Ok(response) => forwarder.hand_back(&seen, response),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

impl Forwarder {
    async fn send(&self, parts: &Parts, body: Bytes) -> reqwest::Result<reqwest::Response> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("http://{}{path}", self.upstream);
        let headers = end_to_end(&parts.headers);
        let request = self.http.request(parts.method.clone(), url);
        request.headers(headers).body(body).send().await
    }

    /// Passes the server's response on, and logs it.
    fn hand_back(&self, seen: &Seen, response: reqwest::Response) -> Response {
        let (status, headers) = (response.status(), end_to_end(response.headers()));
        self.log.note_response(status.is_redirection());
        if status.is_success() {
            if let Some(id) = headers.get(SESSION_ID).and_then(|id| id.to_str().ok()) {
                self.log.note_opened(id);
            }
            self.log
                .note_answered(&seen.method, seen.session.as_deref());
        }
        // A server that does not know the session has closed it by itself.
        let is_over = status.is_success() || status == StatusCode::NOT_FOUND;
        if let Some(session) = seen.session.as_deref().filter(|_| seen.method == "DELETE")
            && is_over
        {
            self.log.note_ended(session, End::Closed);
        }
        let body = response.bytes_stream();
        let is_stream = status.is_success() && seen.method == "GET";
        let body = match is_stream {
            true => Body::from_stream(watched(Arc::clone(&self.log), body)),
            false => Body::from_stream(body),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl Seen {
    fn of(parts: &Parts, body: &[u8]) -> Self {
        let message: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let method = match parts.method {
            Method::POST => message["method"].as_str().unwrap_or("response"),
            ref method => method.as_str(),
        };
        let header = parts.headers.get(SESSION_ID);
        let header = header.and_then(|id| id.to_str().ok()).map(str::to_owned);
        Self {
            method: method.to_owned(),
            session: header.or_else(|| session_in(parts.uri.query()?)),
        }
    }
}

/// Counts a stream while it is open.
///
/// A stream of HTTP+SSE names a session in its first event; the session ends with the stream.
fn watched<E>(
    log: Arc<SessionLog>,
    body: impl Stream<Item = std::result::Result<Bytes, E>>,
) -> impl Stream<Item = std::result::Result<Bytes, E>> {
    log.note_stream_opened();
    let mut open = OpenStream {
        log,
        session: None,
        head: Vec::new(),
    };
    body.inspect(move |chunk| {
        if let Ok(chunk) = chunk {
            open.read(chunk);
        }
    })
}

struct OpenStream {
    log: Arc<SessionLog>,
    session: Option<String>,
    /// The first bytes, up to the end of the first event.
    head: Vec<u8>,
}

impl OpenStream {
    fn read(&mut self, chunk: &[u8]) {
        if self.session.is_some() || self.head.len() > MAX_HEAD {
            return;
        }
        self.head.extend_from_slice(chunk);
        let text = String::from_utf8_lossy(&self.head);
        if let Some(session) = announced(&text) {
            self.log.note_opened(&session);
            self.session = Some(session);
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.log.note_stream_ended();
        if let Some(session) = &self.session {
            self.log.note_ended(session, End::Closed);
        }
    }
}

/// The session in an `endpoint` event at the beginning of a stream.
fn announced(text: &str) -> Option<String> {
    let event = text.trim_start().strip_prefix("event: endpoint")?;
    let data = event.trim_start().strip_prefix("data: ")?;
    let (url, _) = data.split_once(['\r', '\n'])?;
    session_in(url.split_once('?')?.1)
}

fn session_in(query: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let named = |(name, id): (&str, &str)| {
        matches!(name, "session_id" | "sessionId" | "sessionid").then(|| id.to_owned())
    };
    pairs.find_map(named)
}

/// The headers without those of a single connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const HOP_BY_HOP: [HeaderName; 4] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
];
const MAX_HEAD: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_of_a_stream_is_read_from_a_complete_event() {
        let whole = "event: endpoint\r\ndata: /messages/?session_id=a1&x=2\r\n\r\n";
        assert_eq!(announced(whole).as_deref(), Some("a1"));
        let other = "event: endpoint\ndata: /message?sessionId=b-2\n\n";
        assert_eq!(announced(other).as_deref(), Some("b-2"));
        let go = "event: endpoint\ndata: /sse?sessionid=C3\n\n";
        assert_eq!(announced(go).as_deref(), Some("C3"));
        assert_eq!(
            announced("event: endpoint\ndata: /message?sessionId=b"),
            None
        );
        assert_eq!(announced("event: message\ndata: {}\n\n"), None);
        assert_eq!(announced(": ping\n\n"), None);
    }
}
