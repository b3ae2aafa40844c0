//! Discovery: the revisions of a server.

use std::sync::Arc;

use mcp_pool_core::{
    error::ConnectError,
    extend::{Answer, WireCall, protocol_violation},
};
use mcp_pool_http::HttpFault;
use rmcp::model::{DiscoverResult, ErrorCode, ErrorData, ServerResult};
use serde_json::Value;

use super::first_request::answer;
use crate::session::{Connection, STATELESS, discover_request};

/// Requests the server's revisions; once more where the server refuses the revision of the request
/// and names it as supported (revision 2026-07-28, versioning).
pub(super) async fn discover(connection: &Arc<Connection>) -> Result<Answer, HttpFault> {
    let call = || WireCall::new(connection.inbox.ids().next(), discover_request(), None);
    let first = answer(connection, call()).await?;
    match first.error().is_some_and(supports_ours) {
        true => answer(connection, call()).await,
        false => Ok(first),
    }
}

/// True for an error about the revision that lists ours among the supported ones.
fn supports_ours(error: &ErrorData) -> bool {
    let supported = error.data.as_ref().and_then(|data| data.get("supported"));
    let mut supported = supported.and_then(Value::as_array).into_iter().flatten();
    error.code == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        && supported.any(|version| version.as_str() == Some(STATELESS.as_str()))
}

/// The server's revisions, where ours is among them.
pub(super) fn discover_result(answer: Answer) -> Result<DiscoverResult, ConnectError> {
    match answer.into_result() {
        Ok(ServerResult::DiscoverResult(result)) => {
            match result.supported_versions.contains(&STATELESS) {
                true => Ok(result),
                false => Err(protocol_violation("the server has no common revision")),
            }
        }
        _ => Err(protocol_violation(
            "the answer to `server/discover` is no valid answer",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_revision_is_tried_again_only_where_the_server_names_it() {
        let error = |code, supported: Value| {
            let data = serde_json::json!({ "supported": supported });
            ErrorData::new(code, "", Some(data))
        };
        let refused = ErrorCode::UNSUPPORTED_PROTOCOL_VERSION;
        for (code, supported, expected) in [
            (refused, serde_json::json!(["2026-07-28"]), true),
            (refused, serde_json::json!(["2025-11-25"]), false),
            (refused, Value::Null, false),
            (
                ErrorCode::INVALID_REQUEST,
                serde_json::json!(["2026-07-28"]),
                false,
            ),
        ] {
            assert_eq!(
                supports_ours(&error(code, supported.clone())),
                expected,
                "{supported}"
            );
        }
    }
}
