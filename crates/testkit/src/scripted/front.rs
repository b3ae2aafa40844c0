//! What stands before a script, as a proxy or a load balancer does.

use std::sync::{Arc, PoisonError};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode};

use super::shared::Shared;

/// One HTTP request as the server received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The path with the query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON-RPC message; null where there is none.
    pub message: serde_json::Value,
}

/// What a front does with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Front {
    /// The script gets the request, and its response gets these headers too.
    Pass(HeaderMap),
    /// The front responds, and the script does not get the request.
    Respond(StatusCode, HeaderMap),
}

impl HttpRequest {
    /// The text of a header; several values are joined by `|`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.get_all(name).iter();
        let texts: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!texts.is_empty()).then(|| texts.join("|"))
    }

    /// The JSON-RPC method; the HTTP method for requests without one.
    #[must_use]
    pub fn name(&self) -> &str {
        let method = self.message["method"].as_str();
        method.unwrap_or(self.method.as_str())
    }
}

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
