//! One request, as a raw server gets it.

use http::HeaderMap;
use serde_json::{Value, json};

use super::reply::Reply;

/// One HTTP request.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The HTTP method.
    pub http_method: String,
    /// The path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON-RPC message; null without one.
    pub message: Value,
    /// The number of the connection it came on, from 0.
    pub connection: usize,
    /// How many requests came on the connection before.
    pub place: usize,
}

impl RawRequest {
    /// The JSON-RPC method; the HTTP method where there is no message.
    #[must_use]
    pub fn method(&self) -> &str {
        let method = self.message["method"].as_str();
        method.unwrap_or(&self.http_method)
    }

    /// The name of the called tool.
    #[must_use]
    pub fn tool(&self) -> &str {
        self.message["params"]["name"].as_str().unwrap_or_default()
    }

    /// A header as text; empty without one.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The session id that it names, in its header or its query; empty without one.
    #[must_use]
    pub fn session(&self) -> &str {
        let query = self.target.split_once(SESSION_IN_QUERY);
        query.map_or_else(|| self.header("mcp-session-id"), |(_, session)| session)
    }

    /// Answers with this result.
    #[must_use]
    pub fn result(&self, result: &Value) -> Reply {
        Reply::json(200, &self.result_message(result))
    }

    /// The message that answers with this result.
    #[must_use]
    pub fn result_message(&self, result: &Value) -> Value {
        json!({ "jsonrpc": "2.0", "id": self.message["id"], "result": result })
    }

    /// Answers with an error that has the id of the request.
    #[must_use]
    pub fn error(&self, status: u16, code: i32, message: &str) -> Reply {
        Reply::json(status, &self.error_message(code, message))
    }

    /// The message that answers with an error.
    #[must_use]
    pub fn error_message(&self, code: i32, message: &str) -> Value {
        let error = json!({ "code": code, "message": message });
        json!({ "jsonrpc": "2.0", "id": self.message["id"], "error": error })
    }

    /// The reply of a plain server that opens the session `session`, or none where that is empty. It has
    /// no standalone stream.
    #[must_use]
    pub fn plain_reply(&self, session: &str) -> Reply {
        let reply = match self.method() {
            "server/discover" => self.error(400, -32601, "Method not found"),
            "DELETE" => Reply::status(204),
            "GET" | "OPTIONS" => Reply::status(405),
            _ if self.message.get("id").is_none() => Reply::status(202),
            _ => self.result(&self.plain_result()),
        };
        match self.method() == "initialize" && !session.is_empty() {
            true => reply.with_header("mcp-session-id", session),
            false => reply,
        }
    }

    /// The reply of a plain server over HTTP+SSE: a stream for each GET, and each answer on it.
    #[must_use]
    pub fn sse_reply(&self) -> Reply {
        match self.http_method.as_str() {
            "GET" => {
                let session = format!("session-{}-{}", self.connection, self.place);
                let address = format!("/messages{SESSION_IN_QUERY}{session}");
                Reply::stream(&session, &format!("event: endpoint\ndata: {address}\n\n"))
            }
            "POST" if self.message.get("id").is_none() => Reply::status(202),
            "POST" => {
                let answer = self.result_message(&self.plain_result());
                Reply::status(202).with_event(self.session(), &answer)
            }
            _ => Reply::status(405),
        }
    }

    /// The result of a plain server with sessions.
    fn plain_result(&self) -> Value {
        match self.method() {
            "initialize" => json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "raw", "version": "1" },
            }),
            "tools/list" => json!({ "tools": [] }),
            "tools/call" => json!({ "content": [{ "type": "text", "text": "1" }] }),
            _ => json!({}),
        }
    }

    /// The reply of a plain server of revision 2026-07-28.
    #[must_use]
    pub fn stateless_reply(&self) -> Reply {
        match self.method() {
            "server/discover" => self.result(&json!({
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": { "tools": {} },
                "ttlMs": 0,
                "cacheScope": "private",
            })),
            "initialize" => self.error(400, -32022, "Unsupported protocol version"),
            _ => self.plain_reply(""),
        }
    }
}

const SESSION_IN_QUERY: &str = "?sessionId=";
