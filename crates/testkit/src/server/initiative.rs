//! Tools by which a server speaks without having been asked: to the caller of the tool, and to
//! nobody else.

use rmcp::{
    ErrorData, RoleServer,
    model::{ProgressNotificationParam, ServerRequest},
    service::{RequestContext, ServiceError},
};
use serde_json::{Value, json};

/// Runs one of these tools; `None` if there is none of this name. Answers with a text.
pub(crate) async fn run(
    tool: &str,
    context: &RequestContext<RoleServer>,
) -> Option<Result<String, ErrorData>> {
    let said = match tool {
        "sample" => ask(context, sampling()).await,
        "elicit" => ask(context, elicitation()).await,
        "announce" => announce(context).await,
        "progress" => progress(context).await,
        _ => return None,
    };
    Some(said.map_err(|error| ErrorData::internal_error(error.to_string(), None)))
}

/// What they are called and do.
pub(crate) const TOOLS: [(&str, &str); 4] = [
    ("announce", "says that the list of tools has changed"),
    (
        "elicit",
        "asks the user, and answers with the user's answer",
    ),
    ("progress", "reports progress before it answers"),
    (
        "sample",
        "asks the client's model, and answers with its answer",
    ),
];

/// Sends the caller a request. Returns the answer as JSON.
async fn ask(context: &RequestContext<RoleServer>, request: Value) -> Result<String, ServiceError> {
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
