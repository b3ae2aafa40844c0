//! Why a request is refused.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// Why a request is refused.
pub(super) enum Refusal {
    /// Its host is none of the configured ones.
    Host,
    /// It changes something and has no header for that.
    NoHeader,
    /// It comes from another site.
    OtherOrigin,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "this host is not configured: see Admin::hosts\n",
            ),
            Self::NoHeader => (
                StatusCode::FORBIDDEN,
                "a request that changes something needs the header x-mcp-pool-action\n",
            ),
            Self::OtherOrigin => (
                StatusCode::FORBIDDEN,
                "the request comes from another origin\n",
            ),
        };
        (status, text).into_response()
    }
}
