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

    /// The session id that it names; empty without one.
    #[must_use]
    pub fn session(&self) -> &str {
        self.header("mcp-session-id")
    }

    /// Answers with this result.
    #[must_use]
    pub fn result(&self, result: &Value) -> Reply {
        let id = &self.message["id"];
        Reply::json(
            200,
            &json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        )
    }

    /// Answers with an error that has the id of the request.
    #[must_use]
    pub fn error(&self, status: u16, code: i32, message: &str) -> Reply {
        let id = &self.message["id"];
        let error = json!({ "code": code, "message": message });
        Reply::json(
            status,
            &json!({ "jsonrpc": "2.0", "id": id, "error": error }),
        )
    }

    /// The reply of a plain server that opens the session `session`, or none where that is empty. It has
    /// no standalone stream.
    #[must_use]
    pub fn plain_reply(&self, session: &str) -> Reply {
        let reply = match self.method() {
            "initialize" => self.result(&json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "raw", "version": "1" },
            })),
            "server/discover" => self.error(400, -32601, "Method not found"),
            "tools/list" => self.result(&json!({ "tools": [] })),
            "tools/call" => self.result(&json!({ "content": [{ "type": "text", "text": "1" }] })),
            "DELETE" => Reply::status(204),
            "GET" | "OPTIONS" => Reply::status(405),
            _ if self.message.get("id").is_none() => Reply::status(202),
            _ => self.result(&json!({})),
        };
        match self.method() == "initialize" && !session.is_empty() {
            true => reply.with_header("mcp-session-id", session),
            false => reply,
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
