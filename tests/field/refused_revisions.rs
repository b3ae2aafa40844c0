//! Servers that refuse the revision which `initialize` offers.

use mcp_pool_testkit::{Exchange, RawRequest, RawServer, Reply, ScriptedServer};
use mcp_session_pool::{PoolConfig, config::Lifecycle};
use serde_json::json;

use crate::setup::{call, client, close, pool, request};

/// Refuses a request for a revision.
type Refuse = fn(&RawRequest) -> Reply;

fn error(request: &RawRequest, status: u16, code: i32, data: &serde_json::Value) -> Reply {
    let id = &request.message["id"];
    let error = json!({ "code": code, "message": "Unsupported protocol version", "data": data });
    Reply::json(
        status,
        &json!({ "jsonrpc": "2.0", "id": id, "error": error }),
    )
}

/// The ways in which servers refuse a revision, and how many requests find the one they speak.
const REFUSALS: [(&str, Refuse, usize); 6] = [
    ("-32602", |request| error(request, 200, -32602, &named()), 2),
    ("-32000", |request| error(request, 400, -32000, &named()), 2),
    ("-32022", |request| error(request, 400, -32022, &named()), 2),
    ("text", |_| Reply::text(400, "text/plain", NAMING), 2),
    (
        "names none",
        |request| error(request, 200, -32602, &json!(null)),
        4,
    ),
    (
        "text that names none",
        |_| Reply::text(400, "text/plain", NAMING_NONE),
        4,
    ),
];
const NAMING: &str = "Bad Request: unsupported protocol version (supported versions: 2024-11-05)";
const NAMING_NONE: &str = "Unsupported protocol version";

fn named() -> serde_json::Value {
    json!({ "supported": ["2024-11-05"] })
}

/// A server that speaks the oldest revision alone.
fn old_server(refuse: Refuse) -> RawServer {
    RawServer::start(move |request| {
        let is_old = request.message["params"]["protocolVersion"] == "2024-11-05";
        match request.method() {
            "initialize" if !is_old => refuse(request),
            "initialize" => {
                let info = json!({ "name": "old", "version": "1" });
                let result = json!({
                    "protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": info,
                });
                request
                    .result(&result)
                    .with_header("mcp-session-id", "session")
            }
            _ => request.plain_reply("session"),
        }
    })
}

#[tokio::test]
async fn the_next_older_revision_is_offered_to_a_server_that_refuses_one() {
    for (name, refuse, offers) in REFUSALS {
        for lifecycle in [Lifecycle::Legacy, Lifecycle::Auto] {
            let server = old_server(refuse);
            let pool = pool(PoolConfig::default());
            let alice = client(&pool, server.endpoint(lifecycle), "alice").await;
            assert_eq!(call(&alice, "count").await.expect(name), "1");
            assert_eq!(server.count("initialize"), offers, "{name} {lifecycle:?}");
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_every_revision_is_offered_each_once() {
    let server = RawServer::start(|request| match request.method() {
        "initialize" => error(request, 200, -32602, &json!(null)),
        _ => request.plain_reply("session"),
    });
    let pool = pool(PoolConfig::default());
    let wanted = request(server.endpoint(Lifecycle::Legacy), "alice");
    let refused = pool.acquire(&wanted);
    refused.await.expect_err("no revision");
    let mut offers: Vec<String> = server
        .seen()
        .iter()
        .filter(|seen| seen.method() == "initialize")
        .map(|seen| seen.message["params"]["protocolVersion"].to_string())
        .collect();
    assert_eq!(offers.len(), 4, "{offers:?}");
    offers.dedup();
    assert_eq!(offers.len(), 4, "{offers:?}");
    assert!(
        offers.is_sorted_by(|newer, older| newer > older),
        "{offers:?}"
    );
    close(&pool).await;
}

#[tokio::test]
async fn another_refusal_of_the_session_is_not_repeated_with_an_older_revision() {
    let server = RawServer::start(|request| match request.method() {
        "initialize" => request.error(200, -32602, "clientInfo.name is not allowed"),
        _ => request.plain_reply("session"),
    });
    let pool = pool(PoolConfig::default());
    let wanted = request(server.endpoint(Lifecycle::Legacy), "alice");
    let refused = pool.acquire(&wanted);
    refused.await.expect_err("refused");
    assert_eq!(server.count("initialize"), 1);
    close(&pool).await;
}

#[tokio::test]
async fn over_the_older_transport_an_older_revision_is_offered_too() {
    for (data, offers) in [(r#"{"supported":["2024-11-05"]}"#, 2), ("null", 4)] {
        let server = ScriptedServer::start(move |exchange: Exchange| async move {
            let offered = exchange.message()["params"]["protocolVersion"].clone();
            let is_refused = exchange.method() == "initialize" && offered != "2024-11-05";
            match is_refused {
                true => {
                    let id = exchange.id();
                    let error = format!(
                        r#"{{"code":-32602,"message":"Unsupported protocol version","data":{data}}}"#
                    );
                    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
                    exchange.send(&text).await
                }
                false => exchange.answer_plainly().await,
            };
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.sse_endpoint(), "alice").await;
        assert_eq!(call(&alice, "count").await.expect("an answer"), "1");
        assert_eq!(server.count("initialize"), offers, "{data}");
        close(&pool).await;
    }
}
