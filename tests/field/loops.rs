//! Servers that never come to an end.

use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_pool_testkit::{RawRequest, RawServer, Reply};
use mcp_session_pool::{
    PoolConfig,
    config::Lifecycle,
    error::{CallError, ListBound, Outcome, Retry},
};
use serde_json::{Value, json};

use crate::setup::{call, client, close, pool};

/// A page with one item of each kind, and a cursor.
fn page(request: &RawRequest, cursor: &str) -> Option<Reply> {
    let items = match request.method() {
        "tools/list" => json!({ "tools": [{ "name": "t", "inputSchema": {} }] }),
        "prompts/list" => json!({ "prompts": [{ "name": "p" }] }),
        "resources/list" => json!({ "resources": [{ "name": "r", "uri": "a:b" }] }),
        "resources/templates/list" => {
            json!({ "resourceTemplates": [{ "name": "r", "uriTemplate": "a:{b}" }] })
        }
        _ => return None,
    };
    let mut result = items;
    result["nextCursor"] = Value::from(cursor);
    Some(request.result(&result))
}

/// A server whose lists go on for ever; `new_cursors`: with a new cursor each time.
fn endless(new_cursors: bool) -> RawServer {
    let pages = AtomicUsize::new(0);
    RawServer::start(move |request| {
        let number = pages.fetch_add(1, Ordering::SeqCst);
        let cursor = match new_cursors {
            true => number.to_string(),
            false => "same".to_owned(),
        };
        page(request, &cursor).unwrap_or_else(|| request.plain_reply("session"))
    })
}

/// Reads each kind of list to its end, and expects the bound.
async fn check(server: &RawServer, config: PoolConfig, bound: ListBound, requests: usize) {
    let pool = pool(config);
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    let errors = [
        alice.list_all_tools().await.expect_err("no end"),
        alice.list_all_prompts().await.expect_err("no end"),
        alice.list_all_resources().await.expect_err("no end"),
        alice
            .list_all_resource_templates()
            .await
            .expect_err("no end"),
    ];
    for error in errors {
        let CallError::ListTooLong(found) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*found, bound);
        assert_eq!(
            (error.retry(), error.outcome()),
            (Retry::Never, Outcome::Answered)
        );
    }
    for method in [
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
    ] {
        assert_eq!(server.count(method), requests, "{method}");
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_list_that_gives_the_same_cursor_twice_ends() {
    let server = endless(false);
    check(&server, PoolConfig::default(), ListBound::RepeatedCursor, 2).await;
}

#[tokio::test]
async fn a_list_ends_at_the_bounds_of_the_configuration() {
    let config = PoolConfig::default().with_max_list_pages(7);
    check(&endless(true), config, ListBound::Pages(7), 7).await;
    let config = PoolConfig::default().with_max_list_items(5);
    check(&endless(true), config, ListBound::Items(5), 6).await;
}

#[tokio::test]
async fn a_stream_that_gives_new_event_ids_and_never_an_answer_is_resumed_at_a_bounded_rate() {
    let ids = AtomicUsize::new(0);
    let server = RawServer::start(move |request| {
        let id = ids.fetch_add(1, Ordering::SeqCst);
        let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#;
        let events = format!("retry: 1\nid: {id}\ndata: {log}\n\n");
        match request.tool() == "never" || !request.header("last-event-id").is_empty() {
            true => Reply::text(200, "text/event-stream", &events),
            false => request.plain_reply("session"),
        }
    });
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    let never = tokio::time::timeout(std::time::Duration::from_secs(3), call(&alice, "never"));
    never.await.expect_err("no answer");
    // `retry: 1` is one millisecond; the shortest pause is 200.
    let resumed = server.count("GET");
    assert!((1..=15).contains(&resumed), "{resumed}");
    close(&pool).await;
}
