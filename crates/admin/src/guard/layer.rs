//! The layer around every route.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, header};

use super::{
    hosts::Hosts,
    refusal::Refusal,
    same_origin::{ACTION, is_same_origin},
};
use crate::page;

/// The router behind the checks of every request. Each response has the headers that keep a browser from
/// storing it, framing it and running anything else than the page's own script.
pub(crate) fn guarded(router: Router, hosts: Hosts) -> Router {
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(hosts, guard))
}

async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&hosts, &request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, page::policy());
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refusal(hosts: &Hosts, request: &Request) -> Option<Refusal> {
    let (uri, headers) = (request.uri(), request.headers());
    if !hosts.allow(uri, headers) {
        return Some(Refusal::Host);
    }
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return None;
    }
    if !headers.contains_key(ACTION) {
        return Some(Refusal::NoHeader);
    }
    (!is_same_origin(uri, headers)).then_some(Refusal::OtherOrigin)
}

/// The longest body of a request.
const MAX_BODY: usize = 4 * 1024;

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];
