//! A gateway passes on what the pool does not know.

use std::time::Duration;

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    PooledClient,
    rmcp::model::{
        CallToolRequest, CallToolRequestParams, ClientRequest, ListToolsRequest, ServerResult,
    },
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    common::close,
    over::{Over, pool},
};

/// Unknown fields, an unknown `execution`, numbers and spaces that a typed copy would change.
const TOOLS: &str = r#"{ "tools": [{"name":"t","inputSchema":{"type":"object","z":1,"a":2.50},"execution":{"taskSupport":"sometimes","where":"orbit"},"x-unknown":[1e2,-0.0,18446744073709551616]}], "another":{"b":null,"a":"\u00e9\/"} }"#;
/// Unknown content types beside a known one, and unknown fields.
const RESULT: &str = r#"{"content":[{"type":"hologram","depth":3,"data":"AA=="},{"type":"text","text":"1","tone":"grave"}],"isError":false,"cost":{"eur":0.10},"_meta":{"k":[]}}"#;

async fn unknown_results(exchange: Exchange) {
    match exchange.method() {
        "tools/list" => exchange.answer(TOOLS).await,
        "tools/call" => exchange.answer(RESULT).await,
        _ => exchange.answer_plainly().await,
    };
}

fn list() -> ClientRequest {
    ClientRequest::ListToolsRequest(ListToolsRequest::default())
}

fn call() -> ClientRequest {
    ClientRequest::CallToolRequest(CallToolRequest::new(CallToolRequestParams::new("t")))
}

#[tokio::test]
async fn a_gateway_gets_lists_and_results_byte_for_byte() {
    for over in Over::ALL {
        let server = ScriptedServer::start(unknown_results);
        let pool = pool();
        let client = pool.client(over.request(&server, "alice")).await;
        let client = client.expect("a client");
        for (request, expected) in [(list(), TOOLS), (call(), RESULT)] {
            let answer = client.request_raw(request).await.expect("an answer");
            let raw = answer.raw().expect("its text").get();
            assert_eq!(raw, expected, "{over:?}");
            let value: Value = serde_json::from_str(raw).expect("json");
            assert_eq!(
                value,
                serde_json::from_str::<Value>(expected).expect("json")
            );
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_typed_call_with_an_unknown_result_ends_with_a_custom_result_or_a_typed_error() {
    for over in Over::ALL {
        let server = ScriptedServer::start(unknown_results);
        let pool = pool();
        let client = pool.client(over.request(&server, "alice")).await;
        let client = client.expect("a client");
        timeout(LONG, typed(&client)).await.expect("the calls end");
        assert_eq!(pool.stats().sessions_opened, 1, "{over:?}");
        close(&pool).await;
    }
}

async fn typed(client: &PooledClient) {
    for (request, fields) in [
        (list(), ["tools", "another"]),
        (call(), ["content", "cost"]),
    ] {
        let result = client.request(request).await.expect("a result");
        let ServerResult::CustomResult(custom) = result else {
            continue;
        };
        assert!(fields.iter().all(|field| custom.0.get(field).is_some()));
    }
    // What rmcp cannot read is no panic and no lost session.
    let _ = client.call_tool(CallToolRequestParams::new("t")).await;
    let _ = client.list_all_tools().await;
}

const LONG: Duration = Duration::from_secs(60);
