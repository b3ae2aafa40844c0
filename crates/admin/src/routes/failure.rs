//! Why a request has no answer.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// Why a request has no answer.
pub(super) enum Failure {
    /// The pool was closed, and its figures do not change any more.
    Closed,
    /// The pool was dropped.
    NoPool,
    /// Too many streams are open.
    TooMany,
    /// The pool knows no such key or endpoint, or the router has no such figures.
    Unknown,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Closed => (StatusCode::SERVICE_UNAVAILABLE, "the pool is closed\n"),
            Self::NoPool => (StatusCode::SERVICE_UNAVAILABLE, "the pool is gone\n"),
            Self::TooMany => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many event streams are open\n",
            ),
            Self::Unknown => (StatusCode::NOT_FOUND, "not known\n"),
        };
        (status, text).into_response()
    }
}
