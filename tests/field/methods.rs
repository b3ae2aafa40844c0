//! Each method of each revision reaches the server as it is, and its result the caller.

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{PooledClient, rmcp::model::ClientRequest};
use serde_json::{Value, json};

use crate::{
    common::close,
    over::{Over, pool},
};

/// The methods that clients of either era call.
fn of_both() -> Vec<(&'static str, Value)> {
    vec![
        (
            "completion/complete",
            json!({
                "ref": { "type": "ref/prompt", "name": "p" },
                "argument": { "name": "a", "value": "v" },
            }),
        ),
        ("prompts/get", json!({ "name": "p" })),
        ("prompts/list", json!({ "cursor": "c" })),
        ("resources/list", json!({ "cursor": "c" })),
        ("resources/read", json!({ "uri": "file:///a" })),
        ("resources/templates/list", json!({ "cursor": "c" })),
        ("tasks/cancel", json!({ "taskId": "t" })),
        ("tasks/get", json!({ "taskId": "t" })),
        (
            "tools/call",
            json!({ "name": "t", "arguments": { "a": 1 } }),
        ),
        ("tools/list", json!({ "cursor": "c" })),
        ("x/mine", json!({ "any": [1, 2] })),
    ]
}

/// The methods of the revisions up to 2025-11-25.
fn of_sessions() -> Vec<(&'static str, Value)> {
    vec![
        ("logging/setLevel", json!({ "level": "debug" })),
        ("ping", json!({})),
        ("resources/subscribe", json!({ "uri": "file:///a" })),
        ("resources/unsubscribe", json!({ "uri": "file:///a" })),
        ("tasks/list", json!({ "cursor": "c" })),
        ("tasks/result", json!({ "taskId": "t" })),
    ]
}

/// The methods of revision 2026-07-28 and of its extensions.
fn without_sessions() -> Vec<(&'static str, Value)> {
    vec![
        ("resources/directory/read", json!({ "uri": "file:///a" })),
        ("server/discover", json!({})),
        ("skills/get", json!({ "uri": "skill://a/SKILL.md" })),
        ("skills/list", json!({ "cursor": "c" })),
        (
            "tasks/update",
            json!({ "taskId": "t", "inputResponses": {} }),
        ),
    ]
}

/// Answers the handshake plainly, and everything else with the name of its method.
async fn script(exchange: Exchange) {
    let is_first = exchange.message()["params"]["mine"].is_null();
    match exchange.message()["method"].as_str() {
        Some("initialize" | "server/discover") if is_first => {
            exchange.answer_plainly().await;
        }
        Some(method) if exchange.message().get("id").is_some() => {
            let result = json!({ "answers": method, "resultType": "complete" });
            exchange.answer(&result.to_string()).await;
        }
        _ => {}
    }
}

/// Calls a method, and checks what the server gets and the caller is given.
async fn check(client: &PooledClient, server: &ScriptedServer, method: &str, params: &Value) {
    let request = json!({ "method": method, "params": params });
    let request: ClientRequest = serde_json::from_value(request).expect("a request");
    assert_eq!(request.method(), method);
    let answer = client.request_raw(request).await;
    let answer = answer.unwrap_or_else(|error| panic!("{method}: {error:?}"));
    if method != "server/discover" {
        let raw = answer.raw().expect("JSON").get();
        let raw: Value = serde_json::from_str(raw).expect("JSON");
        assert_eq!(raw["answers"], method);
    }
    let messages = server.messages();
    let mut arrived = messages.iter().rev();
    let arrived = arrived.find(|message| message["method"] == method);
    let arrived = &arrived.expect("it arrived")["params"];
    for (name, value) in params.as_object().expect("an object") {
        assert_eq!(&arrived[name], value, "{method}");
    }
}

#[tokio::test]
async fn every_method_of_every_revision_is_called_through_the_pool() {
    for over in Over::ALL {
        let server = ScriptedServer::start(script);
        let pool = pool();
        let client = pool.client(over.request(&server, "alice")).await;
        let client = client.expect("a client");
        let own = match over {
            Over::StatelessHttp => without_sessions(),
            Over::LegacyHttp | Over::Sse => of_sessions(),
        };
        for (method, params) in of_both().into_iter().chain(own) {
            check(&client, &server, method, &params).await;
        }
        close(&pool).await;
    }
}
