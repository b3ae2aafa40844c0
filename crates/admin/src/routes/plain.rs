//! The page, the metrics and the health.

use axum::{
    extract::State,
    response::{Html, IntoResponse},
};
use http::{StatusCode, header};

use super::{failure::Failure, shown::Shown};
use crate::page;

pub(super) async fn page() -> Html<&'static str> {
    Html(page::document())
}

pub(super) async fn metrics(State(shown): State<Shown>) -> Result<impl IntoResponse, Failure> {
    let metrics = shown.metrics.ok_or(Failure::Unknown)?;
    let format = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, format)], metrics()))
}

/// 200 while the pool serves, 503 once it is closed. Upstreams do not count: a server that is not there is
/// no reason to restart its client.
pub(super) async fn health(State(shown): State<Shown>) -> (StatusCode, &'static str) {
    match shown.pool() {
        Ok(pool) if !pool.is_closed() => (StatusCode::OK, "ok\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "closed\n"),
    }
}
