//! Tools by which the server sends requests and notifications to the caller of the tool.

use rmcp::{
    ErrorData, RoleServer,
    model::{ProgressNotificationParam, ServerRequest},
    service::{RequestContext, ServiceError},
};
use serde_json::{Value, json};

/// Runs one of these tools and returns its text; `None` for another name.
pub(crate) async fn run(
    tool: &str,
    context: &RequestContext<RoleServer>,
) -> Option<Result<String, ErrorData>> {
    let answer = match tool {
        "sample" => send(context, sampling()).await,
        "elicit" => send(context, elicitation()).await,
        "announce" => announce(context).await,
        "progress" => progress(context).await,
        _ => return None,
    };
    Some(answer.map_err(|error| ErrorData::internal_error(error.to_string(), None)))
}

/// The names and descriptions of these tools.
pub(crate) const TOOLS: [(&str, &str); 4] = [
    ("announce", "notifies of a changed list of tools"),
    (
        "elicit",
        "sends an elicitation request, and returns the answer",
    ),
    ("progress", "reports progress before it answers"),
    ("sample", "sends a sampling request, and returns the answer"),
];

/// Sends the caller a request and returns the answer as JSON.
async fn send(
    context: &RequestContext<RoleServer>,
    request: Value,
) -> Result<String, ServiceError> {
    let request: ServerRequest =
        serde_json::from_value(request).expect("the request is one of the protocol's");
    let answer = context.peer.send_request(request).await?;
    Ok(serde_json::to_string(&answer).unwrap_or_default())
}

fn sampling() -> Value {
    let question = json!({"role": "user", "content": {"type": "text", "text": "who are you?"}});
    let params = json!({"messages": [question], "maxTokens": 8});
    json!({"method": "sampling/createMessage", "params": params})
}

fn elicitation() -> Value {
    let schema = json!({"type": "object", "properties": {"who": {"type": "string"}}});
    let params = json!({"mode": "form", "message": "who are you?", "requestedSchema": schema});
    json!({"method": "elicitation/create", "params": params})
}

async fn announce(context: &RequestContext<RoleServer>) -> Result<String, ServiceError> {
    context.peer.notify_tool_list_changed().await?;
    Ok(String::new())
}

async fn progress(context: &RequestContext<RoleServer>) -> Result<String, ServiceError> {
    let Some(token) = context.meta.get_progress_token() else {
        return Ok("no token".to_owned());
    };
    let half = ProgressNotificationParam::new(token, 0.5);
    context.peer.notify_progress(half).await?;
    Ok(String::new())
}
