//! The kinds of servers, of which rows are made.

use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{TransportKind, config::Lifecycle};

use super::row::{Call, Job, Keeps, MODERN_REVISION, Row, Source};

/// A server over Streamable HTTP that keeps sessions and counts.
///
/// The others differ from it.
pub(super) const USUAL: Row = Row {
    server: "",
    mode: "",
    source: Source::Embedded(CounterServer::start),
    transport: TransportKind::STREAMABLE_HTTP,
    path: "/mcp",
    keeps: Keeps::Ids,
    lifecycle: Lifecycle::Auto,
    revision: "2025-11-25",
    calls: &[Call::Echo, Call::Increment],
    redirects: false,
    authorization: None,
    tells: false,
    jobs: &[Job::Counted],
    more_jobs: &[Job::Plain, Job::Listening],
};

/// A server over HTTP+SSE that counts.
pub(super) const STREAMING: Row = Row {
    transport: TransportKind::SSE,
    path: "/sse",
    keeps: Keeps::Streams,
    ..USUAL
};

/// A server without sessions, for which the pool assumes nothing.
pub(super) const SESSIONLESS: Row = Row {
    mode: "stateless",
    keeps: Keeps::Nothing,
    calls: &[Call::Echo],
    ..USUAL
};

/// A server of the revision without sessions.
pub(super) const MODERN: Row = Row {
    revision: MODERN_REVISION,
    ..SESSIONLESS
};

/// A server whose row takes no time of a usual run.
pub(super) const LONG: Row = Row {
    jobs: &[],
    more_jobs: &[Job::Counted, Job::Plain, Job::Listening],
    ..USUAL
};

/// The same without sessions.
pub(super) const LONG_SESSIONLESS: Row = Row {
    jobs: LONG.jobs,
    more_jobs: LONG.more_jobs,
    ..SESSIONLESS
};

/// The same of the revision without sessions.
pub(super) const LONG_MODERN: Row = Row {
    jobs: LONG.jobs,
    more_jobs: LONG.more_jobs,
    ..MODERN
};

/// The same over HTTP+SSE.
pub(super) const LONG_STREAMING: Row = Row {
    jobs: LONG.jobs,
    more_jobs: LONG.more_jobs,
    ..STREAMING
};
