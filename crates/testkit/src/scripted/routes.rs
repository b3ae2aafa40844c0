//! The HTTP side of a scripted server.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    admit::admit,
    exchange::Exchange,
    session::{BUFFERED, Part},
    shared::Shared,
};

pub(super) fn router(shared: Arc<Shared>) -> Router {
    let streamable = post(call).get(listen).delete(end);
    let routes = Router::new()
        .route("/mcp", streamable)
        .route("/sse", get(open))
        .route("/messages", post(accept));
    let admit = middleware::from_fn_with_state(Arc::clone(&shared), admit);
    // A front may redirect there.
    Router::new()
        .nest("/moved", routes.clone())
        .merge(routes)
        .layer(admit)
        .with_state(shared)
}

/// A message over Streamable HTTP.
async fn call(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let opens = message["method"] == "initialize";
    let session = match opens {
        true => Some(shared.sessions.open()),
        false => session_of(&headers),
    };
    let (parts, mut received) = mpsc::channel(BUFFERED);
    let sessions = Arc::clone(&shared.sessions);
    let exchange = Exchange::new(message, session.clone(), parts, sessions, "2025-11-25");
    shared.run(exchange);
    let mut response = match received.recv().await {
        Some(Part::Body(content_type, body)) => whole(content_type, body),
        Some(Part::Bytes(first)) => events(Some(first), received),
        None => StatusCode::ACCEPTED.into_response(),
    };
    if let Some(session) = session.filter(|_| opens) {
        let session = HeaderValue::from_str(&session).expect("a session id is a header value");
        response.headers_mut().insert(SESSION_ID, session);
    }
    response
}

/// The standalone stream of a session over Streamable HTTP.
async fn listen(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    match session_of(&headers) {
        Some(session) if shared.has_streams => events(None, shared.sessions.attach(session)),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

async fn end(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> StatusCode {
    if let Some(session) = session_of(&headers) {
        shared.sessions.end(&session);
    }
    StatusCode::NO_CONTENT
}

/// The stream of a session over HTTP+SSE.
async fn open(State(shared): State<Arc<Shared>>) -> Response {
    let session = shared.sessions.open();
    let announcement = format!("event: endpoint\ndata: messages?sessionId={session}\n\n");
    let parts = shared.sessions.attach(session);
    events(Some(announcement.into()), parts)
}

/// A message over HTTP+SSE.
async fn accept(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> StatusCode {
    let session = query.get("sessionId");
    let stream = session.and_then(|session| shared.sessions.stream(session));
    let Some(stream) = stream else {
        return StatusCode::NOT_FOUND;
    };
    let message = serde_json::from_slice(&body).unwrap_or_default();
    let sessions = Arc::clone(&shared.sessions);
    let exchange = Exchange::new(message, session.cloned(), stream, sessions, "2024-11-05");
    shared.run(exchange);
    StatusCode::ACCEPTED
}

fn whole(content_type: Option<String>, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    if let Some(content_type) = content_type.and_then(|text| HeaderValue::from_str(&text).ok()) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// A stream of events, which ends when its last sender is dropped.
fn events(first: Option<Bytes>, parts: mpsc::Receiver<Part>) -> Response {
    let later = futures::stream::unfold(parts, |mut parts| async move {
        match parts.recv().await? {
            Part::Bytes(bytes) => Some((bytes, parts)),
            Part::Body(..) => None,
        }
    });
    let all = futures::StreamExt::chain(futures::stream::iter(first), later);
    let body = Body::from_stream(futures::StreamExt::map(all, Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn session_of(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(SESSION_ID)?.to_str().ok()?;
    Some(id.to_owned())
}

const SESSION_ID: &str = "mcp-session-id";
