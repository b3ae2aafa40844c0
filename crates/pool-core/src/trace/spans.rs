//! The spans of a pool.
//!
//! Names and attributes follow the OpenTelemetry conventions for MCP; the bridge between the two
//! reads fields that begin with `otel.`. Without a subscriber a span costs one comparison, and a
//! hit has none.
//!
//! ```text
//! call ─┬─ acquire ─┬─ wait ── connect ◀╌╌ open (a trace of its own, linked)
//!       │           └─ check
//!       └─ (the server's own)               close (a trace of its own)
//! ```

use tracing::{Level, Span, field::Empty, info_span, level_filters::LevelFilter};

use super::{record::note_session, waiting::WaitTrace};
use crate::{
    extend::{CloseOutcome, CloseReason, SessionInfo},
    types::{Endpoint, PoolKey},
};

/// True while a subscriber may record one of these spans. One load.
#[inline]
pub(crate) fn is_any_recorded() -> bool {
    LevelFilter::current() >= Level::INFO
}

/// The slow way to a session: everything but finding one ready.
pub(crate) fn acquire(pool: &str, endpoint: &Endpoint) -> Span {
    info_span!(
        "acquire",
        otel.status_code = Empty,
        mcp.pool.name = pool,
        mcp.pool.outcome = Empty,
        mcp.pool.transport = endpoint.transport().as_str(),
        server.address = endpoint.host(),
        server.port = i64::from(endpoint.port()),
        "error.type" = Empty,
    )
}

/// Records that an acquire succeeded.
pub(crate) fn note_acquired(span: &Span, is_fresh: bool) {
    span.record("mcp.pool.outcome", if is_fresh { "miss" } else { "hit" });
}

/// Waiting in the queue of a key.
pub(crate) fn wait(key: &PoolKey) -> Span {
    info_span!("wait", mcp.pool.key = %key.fingerprint())
}

/// Asking an idle session whether it is alive.
pub(crate) fn check(session: &SessionInfo) -> Span {
    let span = info_span!(
        "check",
        otel.status_code = Empty,
        mcp.protocol.version = Empty,
        mcp.session.id = Empty,
        "error.type" = Empty,
    );
    note_session(&span, session);
    span
}

/// Opening a session: a trace of its own, linked to that of the caller, since a connect may outlive
/// its caller. It is never entered: spans that a transport begins inside of it would keep it open
/// as long as the session.
pub(crate) fn open(pool: &str, key: &PoolKey, asker: Option<&WaitTrace>) -> Span {
    let endpoint = key.endpoint();
    let span = info_span!(
        parent: None,
        "open",
        otel.status_code = Empty,
        mcp.pool.name = pool,
        mcp.pool.key = %key.fingerprint(),
        mcp.pool.era = Empty,
        mcp.pool.transport = endpoint.transport().as_str(),
        mcp.protocol.version = Empty,
        mcp.session.id = Empty,
        server.address = endpoint.host(),
        server.port = i64::from(endpoint.port()),
        "error.type" = Empty,
    );
    if let Some(asker) = asker {
        asker.connect_begins(&span);
    }
    span
}

/// Closing a session: a trace of its own.
pub(crate) fn close(pool: &str, key: &PoolKey, session: &SessionInfo) -> Span {
    let endpoint = key.endpoint();
    let span = info_span!(
        parent: None,
        "close",
        mcp.pool.name = pool,
        mcp.pool.key = %key.fingerprint(),
        mcp.pool.close.reason = Empty,
        mcp.pool.close.farewell = Empty,
        mcp.pool.era = Empty,
        mcp.pool.transport = endpoint.transport().as_str(),
        mcp.protocol.version = Empty,
        mcp.session.id = Empty,
        server.address = endpoint.host(),
        server.port = i64::from(endpoint.port()),
    );
    note_session(&span, session);
    span
}

/// Notes why a session was closed and how that went.
pub(crate) fn note_closed(span: &Span, reason: CloseReason, farewell: CloseOutcome) {
    span.record("mcp.pool.close.reason", reason.as_str());
    span.record("mcp.pool.close.farewell", farewell.as_str());
}
