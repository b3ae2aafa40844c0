//! The way of a request through the front of its server.

use std::sync::{Arc, PoisonError};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    front::{Front, HttpRequest},
    shared::Shared,
};

/// Records a request and lets the front decide.
pub(super) async fn admit(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let seen = HttpRequest {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        target: parts.uri.to_string(),
        headers: parts.headers.clone(),
        message: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let decision = (shared.front)(&seen);
    let requests = shared.requests.lock();
    requests.unwrap_or_else(PoisonError::into_inner).push(seen);
    match decision {
        Front::Pass(headers) => {
            let request = Request::from_parts(parts, Body::from(body));
            let mut response = next.run(request).await;
            response.headers_mut().extend(headers);
            response
        }
        Front::Respond(status, headers) => (status, headers).into_response(),
    }
}
