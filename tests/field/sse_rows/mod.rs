//! What a server over HTTP+SSE did, and what the caller gets: the rows of the table in the guide to
//! errors.

mod connections;
mod failed_calls;
mod lost_sessions;

use mcp_pool_testkit::{RawServer, Reply};
use mcp_session_pool::error::Outcome;

use crate::setup::Refuse;

const UNKNOWN: Outcome = Outcome::Unknown;

/// A response with this status and these words.
fn words(status: u16, words: &str) -> Reply {
    Reply::text(status, "text/plain", words)
}

/// A server that does this with the tool `broken`.
fn server(broken: Refuse) -> RawServer {
    RawServer::start(move |request| match request.tool() {
        "broken" => broken(request),
        _ => request.sse_reply(),
    })
}
