//! What spans record.

use tracing::Span;

use crate::extend::SessionInfo;

/// Notes which session it is about, as far as the span has fields for it.
pub(crate) fn note_session(span: &Span, session: &SessionInfo) {
    if span.is_disabled() {
        return;
    }
    span.record("mcp.pool.era", session.era.as_str());
    span.record("mcp.protocol.version", &*session.protocol_version);
    if let Some((protocol, transport)) = session.network {
        span.record("network.protocol.name", protocol);
        span.record("network.transport", transport);
    }
    if let Some(id) = session.session {
        span.record("mcp.session.id", tracing::field::display(id));
    }
}

/// Notes a failure by its kind.
pub(crate) fn note_error(span: &Span, kind: &str) {
    span.record("error.type", kind);
    span.record("otel.status_code", "ERROR");
}
