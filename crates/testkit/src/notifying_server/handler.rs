//! The handler of a notifying server.
#![expect(
    deprecated,
    reason = "servers of the revisions with sessions log, sample and list roots"
)]

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientResult, ContentBlock,
        CreateMessageRequest, CreateMessageRequestParams, ElicitRequest, ElicitRequestParams,
        InputRequest, InputRequiredResult, InputResponses, ListRootsRequest, ListToolsResult,
        LoggingLevel, LoggingMessageNotificationParam, PaginatedRequestParams,
        ProgressNotificationParam, ResourceUpdatedNotificationParam, SamplingMessage,
        ServerCapabilities, ServerConfig, ServerRequest, SubscriptionFilter, Tool,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde_json::{Value, json};

use super::state::{State, lock};

/// The handler of one session, or of one request without sessions.
pub(super) struct Handler {
    state: Arc<State>,
}

impl Handler {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    fn tools(&self) -> Vec<Tool> {
        let version = format!("version-{}", self.state.changes.load(Ordering::SeqCst));
        ["notify", "request_input", "work"]
            .map(str::to_owned)
            .into_iter()
            .chain([version])
            .map(|name| {
                let schema = json!({ "type": "object" });
                let schema = schema.as_object().cloned().unwrap_or_default();
                Tool::new(name, "notifies", Arc::new(schema))
            })
            .collect()
    }

    /// Sends the requests to the session's client, or returns them without a session.
    async fn request_input(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let round = self.state.input_calls.fetch_add(1, Ordering::SeqCst);
        let has_session = context
            .protocol_version()
            .is_some_and(|version| version.has_initialize());
        if has_session {
            let mut answers = BTreeMap::new();
            for (name, request) in input_requests() {
                answers.insert(name, send(&context, request).await?);
            }
            return Ok(text(json!(answers).to_string()));
        }
        match (params.input_responses, params.request_state) {
            (None, None) => Ok(InputRequiredResult::new(
                Some(input_requests()),
                Some(request_state(round)),
            )
            .into()),
            (Some(answers), Some(state)) => Ok(text(with_state(answers, &state))),
            _ => Err(ErrorData::invalid_params(
                "the answers or the state are missing",
                None,
            )),
        }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_logging()
            .enable_resources()
            .enable_resources_subscribe()
            .build();
        ServerConfig::new(capabilities)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        lock(&self.state.peers).push(context.peer);
    }

    async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.state.lists.fetch_add(1, Ordering::SeqCst);
        let hints = *lock(&self.state.hints);
        let from = params.and_then(|params| params.cursor);
        let from = from.map_or(Ok(0), |cursor| cursor.parse::<usize>());
        let from = from.map_err(|_| ErrorData::invalid_params("no such page", None))?;
        let tools = self.tools();
        let size = hints.page.unwrap_or(tools.len());
        let next = (from + size < tools.len()).then(|| (from + size).to_string());
        let page = tools.into_iter().skip(from).take(size).collect();
        Ok(ListToolsResult {
            ttl_ms: hints.ttl.map(|ttl| ttl.as_millis() as u64),
            cache_scope: hints.scope,
            next_cursor: next,
            ..ListToolsResult::with_all_items(page)
        })
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = params.arguments.as_ref();
        let label = arguments.and_then(|arguments| arguments.get("label"));
        let label = label.and_then(Value::as_str).unwrap_or_default().to_owned();
        match params.name.as_ref() {
            "request_input" => self.request_input(params, context).await,
            "notify" => {
                let log = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(label));
                let _ = context.peer.notify_logging_message(log).await;
                let updated = ResourceUpdatedNotificationParam::new(format!("test://{label}"));
                let _ = context.peer.notify_resource_updated(updated).await;
                Ok(text(label))
            }
            "work" => {
                let token = context.meta.get_progress_token();
                let token = token.ok_or_else(|| ErrorData::invalid_params("no token", None))?;
                for step in 1..=3 {
                    let progress = ProgressNotificationParam::new(token.clone(), f64::from(step))
                        .with_message(label.clone());
                    let _ = context.peer.notify_progress(progress).await;
                }
                Ok(text(label))
            }
            _ => Err(ErrorData::invalid_params("no such tool", None)),
        }
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let number = self.state.subscribed.fetch_add(1, Ordering::SeqCst);
        lock(&self.state.subscriptions).insert(number, context.sink().clone());
        context.cancelled().await;
        lock(&self.state.subscriptions).remove(&number);
        Ok(())
    }
}

/// One input request of each kind.
fn input_requests() -> BTreeMap<String, InputRequest> {
    let schema = json!({
        "type": "object",
        "properties": { "name": { "type": "string", "default": "Ada" } }
    });
    let schema = serde_json::from_value(schema).expect("a schema");
    let form = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "who are you?".to_owned(),
        requested_schema: schema,
    };
    let sample = CreateMessageRequestParams::new(vec![SamplingMessage::user_text("hello")], 16);
    BTreeMap::from([
        (
            "form".to_owned(),
            InputRequest::Elicitation(ElicitRequest::new(form)),
        ),
        (
            "roots".to_owned(),
            InputRequest::ListRoots(ListRootsRequest::default()),
        ),
        (
            "sample".to_owned(),
            InputRequest::CreateMessage(CreateMessageRequest::new(sample)),
        ),
    ])
}

/// Sends one input request and returns the answer as JSON.
async fn send(
    context: &RequestContext<RoleServer>,
    request: InputRequest,
) -> Result<Value, ErrorData> {
    let request = match request {
        InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
        InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
        InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
        _ => return Err(ErrorData::internal_error("no such request", None)),
    };
    let answer = match context.peer.send_request(request).await {
        Ok(ClientResult::CreateMessageResult(answer)) => serde_json::to_value(answer),
        Ok(ClientResult::ElicitResult(answer)) => serde_json::to_value(answer),
        Ok(ClientResult::ListRootsResult(answer)) => serde_json::to_value(answer),
        Ok(other) => serde_json::to_value(other),
        Err(error) => Ok(json!({ "error": error.to_string() })),
    };
    answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// The state that a client returns: bytes that survive only an exact copy.
fn request_state(round: usize) -> String {
    format!("{round} \u{e9}\"\\/ \u{1f980}  =")
}

/// The answers as JSON, with the state that the client returned.
fn with_state(answers: InputResponses, state: &str) -> String {
    let mut answers: BTreeMap<String, Value> = answers.into_iter().collect();
    answers.insert("state".to_owned(), json!(state));
    json!(answers).to_string()
}

fn text(text: String) -> CallToolResponse {
    CallToolResponse::Complete(CallToolResult::success(vec![ContentBlock::text(text)]))
}
