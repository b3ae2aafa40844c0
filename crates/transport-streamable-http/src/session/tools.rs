//! What a session needs only at times: the tools of a stateless server, and the headers that they want.

use std::sync::PoisonError;

use http::HeaderMap;
use mcp_pool_core::extend::{Answer, Era, ResultKind};
use rmcp::model::{CallToolRequestParams, ClientRequest};
use serde_json::{Value, value::RawValue};

use super::{connection::Connection, rare::Rare};
use crate::request::may_annotate;

impl Connection {
    /// What the session needs only at times, made now.
    pub(super) fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// What the session needed so far of that.
    pub(super) fn known_rare(&self) -> Option<&Rare> {
        self.rare.get()
    }

    /// Notes the headers that the tools of a stateless server want, and leaves out the tools that
    /// want invalid ones (revision 2026-07-28, transports, custom headers).
    pub(super) fn with_checked_tools(&self, request: &ClientRequest, answer: Answer) -> Answer {
        let is_list = matches!(request, ClientRequest::ListToolsRequest(_));
        let raw = answer
            .raw()
            .filter(|raw| is_list && self.era == Era::Stateless && may_annotate(raw.get()));
        let checked = raw.and_then(|raw| self.checked_tools(raw));
        match checked {
            Some(raw) => Answer::from_raw(ResultKind::of(request), raw),
            None => answer,
        }
    }

    /// Adds the headers that a tool wants, where the list has named them.
    pub(super) fn add_tool_headers(&self, call: &CallToolRequestParams, headers: &mut HeaderMap) {
        if let Some(rare) = self.known_rare() {
            let tools = rare.tools.lock().unwrap_or_else(PoisonError::into_inner);
            tools.add(call, headers);
        }
    }

    /// The list without invalid tools; `None` where all are valid.
    fn checked_tools(&self, list: &RawValue) -> Option<Box<RawValue>> {
        let mut list: Value = serde_json::from_str(list.get()).ok()?;
        let tools = list.get_mut("tools")?.as_array_mut()?;
        let before = tools.len();
        let headers = &self.rare().tools;
        let mut headers = headers.lock().unwrap_or_else(PoisonError::into_inner);
        tools.retain(|tool| {
            let name = tool.get("name").and_then(Value::as_str);
            let schema = tool.get("inputSchema").and_then(Value::as_object);
            name.zip(schema)
                .is_none_or(|(name, schema)| headers.note(name, schema))
        });
        let left_out = before - tools.len();
        if left_out == 0 {
            return None;
        }
        tracing::debug!(left_out, "tools with invalid header annotations");
        serde_json::value::to_raw_value(&list).ok()
    }
}
