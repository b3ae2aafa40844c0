//! Requests of both eras, and the results that each of them wants.

use http::request::Parts;
use rmcp::{
    RoleServer,
    model::{
        CallToolResult, CompleteResult, GetPromptResult, GetSkillResult, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult, ListToolsResult,
        ReadResourceResult, ResultType,
    },
    service::RequestContext,
};

/// True for a request of revision 2026-07-28 and later.
pub(crate) fn is_stateless(context: &RequestContext<RoleServer>) -> bool {
    let version = context.protocol_version();
    version.is_some_and(|version| !version.has_initialize())
}

/// True for a request in a downstream session. Over HTTP a session has an id; elsewhere the connection
/// is the session.
pub(crate) fn is_in_session(context: &RequestContext<RoleServer>) -> bool {
    let http = context.extensions.get::<Parts>();
    let has_id = http.is_none_or(|http| http.headers.contains_key(SESSION_ID));
    has_id && !is_stateless(context)
}

/// A result that a client of either era accepts: revision 2026-07-28 demands a `resultType`, which
/// older servers do not send. rmcp leaves it out again for older clients.
pub(crate) trait Complete {
    fn complete(self) -> Self;
}

macro_rules! complete {
    ($($Result:ident,)*) => {$(
        impl Complete for $Result {
            fn complete(mut self) -> Self {
                self.result_type.get_or_insert(ResultType::COMPLETE);
                self
            }
        }
    )*};
}

complete! {
    CallToolResult,
    CompleteResult,
    GetPromptResult,
    ListPromptsResult,
    ListResourceTemplatesResult,
    ListResourcesResult,
    ListToolsResult,
    GetSkillResult,
    ListSkillsResult,
    ReadResourceResult,
}

const SESSION_ID: &str = "mcp-session-id";
