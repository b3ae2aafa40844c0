//! The metadata of a downstream request, as the upstream gets it.

use rmcp::{RoleServer, model::RequestMetaObject, service::RequestContext};

use crate::session::Conversation;

/// The metadata of a downstream request without what only the downstream connection means: its
/// progress token and the client's own protocol fields. The level of the log stays.
pub(crate) fn passed_on(
    context: &RequestContext<RoleServer>,
    conversation: &Conversation,
) -> Option<RequestMetaObject> {
    let mut meta = context.meta.clone();
    let level = meta.log_level().or_else(|| conversation.level());
    meta.0
        .0
        .retain(|name, _| name != PROGRESS_TOKEN && !name.starts_with(PROTOCOL));
    if let Some(level) = level {
        meta.set_log_level(level);
    }
    match meta.0.0.is_empty() {
        true => None,
        false => Some(meta),
    }
}

const PROGRESS_TOKEN: &str = "progressToken";
const PROTOCOL: &str = "io.modelcontextprotocol/";
