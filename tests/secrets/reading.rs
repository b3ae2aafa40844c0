//! What is read of a server in part, its stream and its circuit show no secret either.

use std::time::Duration;

use mcp_pool_testkit::{RawRequest, RawServer, Reply};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, PooledClient, Principal, SessionPool,
    config::Lifecycle,
    error::{CallError, Evidence, ListBound, SessionCondition},
    extend::{RefusedRevision, ServerMessages, ServerStream, ServerStreamState},
    rmcp::model::{ClientRequest, ListPromptsRequest},
};
use serde_json::json;

use crate::{
    common::{self, eventually},
    shown::Shown,
};

pub(crate) async fn show(shown: &Shown) {
    let server = RawServer::start(reply);
    let (handlers, _messages) = ServerMessages::channel(16);
    let builder = common::builder(PoolConfig::default()).handlers(handlers);
    let pool = builder.observer(shown.clone()).build().expect("a pool");
    let endpoint = server.endpoint(Lifecycle::Legacy);
    let request = AcquireRequest::new(endpoint.clone(), Principal::user("pl4nted-principal"));
    let client = pool.client(request.clone()).await.expect("a client");
    read(&client, shown).await;
    let lease = pool.acquire(&request).await.expect("a session");
    shown.show(lease.info());
    shown.show(&lease.info().server_stream());
    // The stream is cut each time, and opened again.
    let changed = || shown.types().contains("ServerStreamChanged");
    eventually("the stream changes", changed).await;
    drop(lease);
    let circuit = pool.circuit(&endpoint);
    shown.show(&circuit);
    shown.show(&circuit.status());
    close(&pool, shown).await;
    show_the_rest(shown);
}

/// A list that is read in part, and one that does not end.
async fn read(client: &PooledClient, shown: &Shown) {
    let error = client.list_all_tools().await.expect_err("no end");
    assert!(matches!(error, CallError::ListTooLong(_)), "{error:?}");
    shown.fail(&error);
    let prompts = ClientRequest::ListPromptsRequest(ListPromptsRequest::default());
    let answer = client.request_raw(prompts).await.expect("an answer");
    shown.show(&answer);
    let reading = answer.read().expect("a result");
    assert_eq!(reading.left_out, 1);
    shown.show(&reading);
}

async fn close(pool: &SessionPool, shown: &Shown) {
    shown.show(&pool.stats());
    shown.show(&pool.close(Duration::from_secs(10)).await);
}

fn show_the_rest(shown: &Shown) {
    shown.fail(&ListBound::RepeatedCursor);
    let text = "Unsupported protocol version 2024-11-05 (pl4nted-argument)";
    shown.show(&RefusedRevision::of_text(text).expect("a refusal"));
    shown.show(&ServerStreamState::new(ServerStream::Open));
    shown.show(&SessionCondition::Fine);
    shown.show(&Evidence::Here);
}

/// Planted texts in the parts that cannot be read, in cursors and in events.
fn reply(request: &RawRequest) -> Reply {
    let unreadable = json!({ "name": 7, "pl4nted-argument": "pl4nted-argument" });
    match request.method() {
        "GET" => {
            let head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n";
            let event = b"id: pl4nted-argument\ndata: pl4nted-argument\n\n";
            Reply::bytes([head.as_slice(), event].concat()).then_close()
        }
        "tools/list" => request.result(&json!({
            "tools": [unreadable], "nextCursor": "pl4nted-argument",
        })),
        "prompts/list" => request.result(&json!({ "prompts": [unreadable] })),
        _ => request.plain_reply("pl4nted-key"),
    }
}
