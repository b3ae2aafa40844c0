//! Sessions whose messages the transport writes and reads itself.

mod answers;
mod cancellation;
mod order;
mod scripted;
mod tasks;

use std::time::Duration;

use mcp_pool_core::{
    error::CallFailure,
    extend::{Answer, Session},
};
use mcp_pool_transport_sse::SseConnector;
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest};
use tokio::time::{sleep, timeout};

fn connector() -> SseConnector {
    SseConnector::new().expect("an http client")
}

fn tool(name: impl Into<String>) -> ClientRequest {
    let params = CallToolRequestParams::new(name.into());
    ClientRequest::CallToolRequest(CallToolRequest::new(params))
}

/// Calls a tool. It must end within the time that a slow machine needs.
async fn call(session: &Session, name: impl Into<String>) -> Result<Answer, CallFailure> {
    let called = session.driver().call(tool(name), None);
    timeout(LONG, called).await.expect("an end")
}

/// The text of the answer to a tool call.
fn text(answer: &Answer) -> String {
    let raw = answer.raw().expect("a result").get();
    let result: serde_json::Value = serde_json::from_str(raw).expect("json");
    let text = result["content"][0]["text"].as_str();
    text.expect("a text").to_owned()
}

/// Waits until `holds`.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("not within a minute: {what}");
}

const LONG: Duration = Duration::from_secs(60);
