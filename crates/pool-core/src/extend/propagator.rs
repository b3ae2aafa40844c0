//! The seam for trace context.

use std::sync::Arc;

use http::HeaderMap;
use tracing::Span;

/// Adds the trace context of a call to its requests.
///
/// Called once for each request of a [`PooledClient`](crate::PooledClient), in the caller's task,
/// so that a request carries the context of its own call, not of the call that opened the session.
///
/// What it adds is sent as headers of that one request; `traceparent`, `tracestate` and `baggage`
/// also go into the request's `_meta` under these bare names (SEP-414), which reaches the server
/// over every transport. It replaces context that the caller passed through by hand.
pub trait ContextPropagator: Send + Sync {
    /// Writes the context of a call; nothing when there is none.
    ///
    /// `call` is the call's span, a child of the caller's. It is disabled where no subscriber wants
    /// it. It is not the current span: that is still the caller's.
    fn inject(&self, call: &Span, headers: &mut HeaderMap);

    /// Extracts the context that a caller passed through by hand and makes it the parent of a
    /// call's span. Called only where the caller has no span of its own; `headers` are those of the
    /// call alone. Default: does nothing.
    #[expect(unused_variables, reason = "the default does nothing")]
    fn extract(&self, call: &Span, headers: &HeaderMap) {}
}

impl<T: ContextPropagator + ?Sized> ContextPropagator for Arc<T> {
    fn inject(&self, call: &Span, headers: &mut HeaderMap) {
        (**self).inject(call, headers);
    }

    fn extract(&self, call: &Span, headers: &HeaderMap) {
        (**self).extract(call, headers);
    }
}
