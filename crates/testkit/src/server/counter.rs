//! The MCP server proper: a counter for each session.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};

use super::{Switches, initiative};

/// The handler of one session.
#[derive(Clone)]
pub(crate) struct Counter {
    count: Arc<AtomicU64>,
    switches: Switches,
}

impl Counter {
    pub(crate) fn new(switches: Switches) -> Self {
        Self {
            count: Arc::default(),
            switches,
        }
    }
}

impl ServerHandler for Counter {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools();
        ServerConfig::new(capabilities.enable_tool_list_changed().build())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = TOOLS.iter().chain(&initiative::TOOLS).map(|(name, what)| {
            let schema = serde_json::json!({ "type": "object" });
            let schema = schema.as_object().cloned().unwrap_or_default();
            Tool::new(*name, *what, Arc::new(schema))
        });
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(said) = initiative::run(&request.name, &context).await {
            return said.map(answer);
        }
        let count = match request.name.as_ref() {
            "increment" => self.count.fetch_add(1, Ordering::SeqCst) + 1,
            "count" => self.count.load(Ordering::SeqCst),
            "wait" => {
                tokio::time::sleep(self.switches.tool_delay()).await;
                self.count.load(Ordering::SeqCst)
            }
            _ => return Err(ErrorData::invalid_params("no such tool", None)),
        };
        Ok(answer(count.to_string()))
    }
}

fn answer(text: String) -> CallToolResponse {
    CallToolResponse::Complete(CallToolResult::success(vec![ContentBlock::text(text)]))
}

const TOOLS: [(&str, &str); 3] = [
    ("count", "the session's count"),
    ("increment", "adds one to the session's count"),
    ("wait", "answers with the session's count after a while"),
];
