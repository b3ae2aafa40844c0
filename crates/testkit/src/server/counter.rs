//! The MCP server itself: a counter for each session, or for each token without sessions.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{header, request::Parts};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
        ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
        Tool,
    },
    service::RequestContext,
};

use serde_json::Value;

use super::{modes::Revisions, server_requests, switches::Switches};

/// The state that the handlers of one server share.
#[derive(Clone)]
pub(crate) struct Counters {
    revisions: Revisions,
    switches: Switches,
    by_token: Arc<Mutex<HashMap<String, Arc<AtomicU64>>>>,
}

/// The handler of one session, or of one request without sessions.
#[derive(Clone)]
pub(crate) struct Counter {
    own: Arc<AtomicU64>,
    all: Counters,
}

impl Counters {
    pub(crate) fn new(revisions: Revisions, switches: Switches) -> Self {
        Self {
            revisions,
            switches,
            by_token: Arc::default(),
        }
    }

    pub(crate) fn handler(&self) -> Counter {
        Counter {
            own: Arc::default(),
            all: self.clone(),
        }
    }

    fn of_token(&self, token: &str) -> Arc<AtomicU64> {
        let mut all = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(token.to_owned()).or_default())
    }
}

impl Counter {
    /// The counter of the session, or of the bearer token without one.
    fn count(&self, context: &RequestContext<RoleServer>) -> Arc<AtomicU64> {
        match context.extensions.get::<Parts>() {
            Some(request) if !request.headers.contains_key("mcp-session-id") => {
                let token = request.headers.get(header::AUTHORIZATION);
                let token = token.and_then(|token| token.to_str().ok());
                self.all.of_token(token.unwrap_or_default())
            }
            _ => Arc::clone(&self.own),
        }
    }
}

impl ServerHandler for Counter {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools();
        ServerConfig::new(capabilities.enable_tool_list_changed().build())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(self.all.revisions.versions())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools(0).into_iter().find(|tool| tool.name == name)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let count = self.count(&context).load(Ordering::SeqCst);
        let mut list = ListToolsResult::with_all_items(tools(count));
        // The list depends on the caller, and is cacheable for that caller.
        list.ttl_ms = Some(60_000);
        list.cache_scope = Some(CacheScope::Private);
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(result) = server_requests::run(&request.name, &context).await {
            return result.map(answer);
        }
        if let Some(result) = typed(&request) {
            return Ok(CallToolResponse::Complete(result));
        }
        let count = self.count(&context);
        let count = match request.name.as_ref() {
            "increment" | "increment_here" => count.fetch_add(1, Ordering::SeqCst) + 1,
            "count" => count.load(Ordering::SeqCst),
            "wait" => {
                tokio::time::sleep(self.all.switches.tool_delay()).await;
                if let Some(gathering) = self.all.switches.gathering() {
                    gathering.wait().await;
                }
                count.load(Ordering::SeqCst)
            }
            "record" => {
                let id = request.arguments.as_ref().and_then(|all| all.get("id"));
                let id = id.and_then(Value::as_str).unwrap_or_default();
                self.all.switches.record(id);
                return Ok(answer(id.to_owned()));
            }
            "fail" => {
                let arguments = serde_json::to_string(&request.arguments).unwrap_or_default();
                return Err(ErrorData::internal_error(arguments, None));
            }
            _ => return Err(ErrorData::invalid_params("no such tool", None)),
        };
        Ok(answer(count.to_string()))
    }
}

/// The results of the tools that use no count: a structured one, a text and a failure.
fn typed(request: &CallToolRequestParams) -> Option<CallToolResult> {
    let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
    let result = match request.name.as_ref() {
        "echo" => CallToolResult::structured(arguments),
        "greet" => CallToolResult::success(vec![ContentBlock::text(format!(
            "hello, {}",
            arguments["name"].as_str().unwrap_or("stranger")
        ))]),
        "refuse" => CallToolResult::error(vec![ContentBlock::text("refused by the tool")]),
        _ => return None,
    };
    Some(result)
}

fn answer(text: String) -> CallToolResponse {
    CallToolResponse::Complete(CallToolResult::success(vec![ContentBlock::text(text)]))
}

/// The tools that a caller with this count receives.
fn tools(count: u64) -> Vec<Tool> {
    let nothing = serde_json::json!({ "type": "object" });
    let region = serde_json::json!({
        "type": "object",
        "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
    });
    let own = [
        ("count", format!("the count, {count} by now"), &nothing),
        (
            "echo",
            "answers with its arguments, structured".to_owned(),
            &nothing,
        ),
        (
            "fail",
            "answers with an error that repeats the arguments".to_owned(),
            &nothing,
        ),
        ("greet", "answers with a plain text".to_owned(), &nothing),
        ("increment", "adds one to the count".to_owned(), &nothing),
        (
            "increment_here",
            "adds one to the count; requires the region in a header".to_owned(),
            &region,
        ),
        (
            "record",
            "counts the calls with its argument `id`, and returns the id".to_owned(),
            &nothing,
        ),
        (
            "refuse",
            "reports a failure of its own".to_owned(),
            &nothing,
        ),
        (
            "wait",
            "answers with the count after a while".to_owned(),
            &nothing,
        ),
    ];
    let requests = server_requests::TOOLS.map(|(name, what)| (name, what.to_owned(), &nothing));
    let all = own.into_iter().chain(requests);
    all.map(|(name, what, schema)| {
        let schema = schema.as_object().cloned().unwrap_or_default();
        Tool::new(name, what, Arc::new(schema))
    })
    .collect()
}
