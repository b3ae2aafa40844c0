//! The seam for trace context.

use http::HeaderMap;
use tracing::Span;

/// Adds the trace context of a call to its requests.
///
/// Asked once for each request of a [`PooledClient`](crate::PooledClient), in the caller's task, so
/// that a request carries the context of the call it belongs to, whoever's call opened the session
/// it goes out on.
///
/// What it adds is sent as headers of that one request; `traceparent`, `tracestate` and `baggage`
/// also go into the request's `_meta` under these bare names (SEP-414), which reaches the server
/// over every transport. It replaces context that the caller passed through by hand.
pub trait ContextPropagator: Send + Sync {
    /// Writes the context of a call; nothing when there is none.
    ///
    /// `call` is the call's span, a child of the caller's. It is disabled where nobody listens to
    /// it, and it is not the one that is current: that is the caller's still.
    fn inject(&self, call: &Span, headers: &mut HeaderMap);

    /// Makes the context that a caller passed through by hand the parent of a call's span. Asked
    /// only where the caller has no span of its own; `headers` are those of the call alone.
    /// Default: does nothing.
    #[expect(unused_variables, reason = "the default does nothing")]
    fn extract(&self, call: &Span, headers: &HeaderMap) {}
}
