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

use super::Switches;

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
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = TOOLS.map(|(name, what)| {
            let schema = serde_json::json!({ "type": "object" });
            let schema = schema.as_object().cloned().unwrap_or_default();
            Tool::new(name, what, Arc::new(schema))
        });
        Ok(ListToolsResult::with_all_items(tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let count = match request.name.as_ref() {
            "increment" => self.count.fetch_add(1, Ordering::SeqCst) + 1,
            "count" => self.count.load(Ordering::SeqCst),
            "wait" => {
                tokio::time::sleep(self.switches.tool_delay()).await;
                self.count.load(Ordering::SeqCst)
            }
            "fail" => {
                let arguments = serde_json::to_string(&request.arguments).unwrap_or_default();
                return Err(ErrorData::internal_error(arguments, None));
            }
            _ => return Err(ErrorData::invalid_params("no such tool", None)),
        };
        let text = ContentBlock::text(count.to_string());
        Ok(CallToolResponse::Complete(CallToolResult::success(vec![
            text,
        ])))
    }
}

const TOOLS: [(&str, &str); 4] = [
    ("count", "the session's count"),
    ("fail", "answers with an error that repeats the arguments"),
    ("increment", "adds one to the session's count"),
    ("wait", "answers with the session's count after a while"),
];
