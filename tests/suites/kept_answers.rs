//! Lists of prompts, resources and templates, and contents of resources are kept if the configuration
//! enables it, for one key alone and never beyond their lifetime.

use std::{sync::Arc, time::Duration};

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, PooledClient, Principal, SessionPool, error::CallError,
    rmcp::model::ReadResourceRequestParams,
};
use serde_json::{Value, json};

use crate::{
    common::{close, eventually, headers},
    over::{Over, builder},
};

/// What a client may keep.
const KINDS: [&str; 4] = [
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
];

fn config() -> PoolConfig {
    let minute = Duration::from_secs(60);
    PoolConfig::default()
        .with_list_ttl(minute)
        .with_resource_ttl(minute)
        .with_identity_headers(vec![http::HeaderName::from_static("x-user-id")])
}

fn pool(config: PoolConfig) -> SessionPool {
    builder(config).build().expect("a pool")
}

/// A server whose answers have these hints.
fn server(hints: Value) -> ScriptedServer {
    let hints = Arc::new(hints);
    ScriptedServer::start(move |exchange| {
        let hints = Arc::clone(&hints);
        async move { answer(&exchange, &hints).await }
    })
}

async fn answer(exchange: &Exchange, hints: &Value) {
    let mut result = match exchange.method() {
        "prompts/list" => json!({ "prompts": [] }),
        "resources/list" => json!({ "resources": [] }),
        "resources/templates/list" => json!({ "resourceTemplates": [] }),
        "resources/read" => json!({ "contents": [] }),
        _ => {
            exchange.answer_plainly().await;
            return;
        }
    };
    result["resultType"] = json!("complete");
    for (name, value) in hints.as_object().into_iter().flatten() {
        result[name] = value.clone();
    }
    exchange.answer(&result.to_string()).await;
}

async fn client(
    pool: &SessionPool,
    over: Over,
    server: &ScriptedServer,
    user: &str,
    token: &str,
) -> PooledClient {
    let request = AcquireRequest::new(over.endpoint(server), Principal::user(user));
    let request = request.with_headers(headers(&[("authorization", token), ("x-user-id", user)]));
    pool.client(request).await.expect("a client")
}

async fn ask(client: &PooledClient, kind: &str) -> Result<(), CallError> {
    match kind {
        "prompts/list" => client.list_all_prompts().await.map(drop),
        "resources/list" => client.list_all_resources().await.map(drop),
        "resources/templates/list" => client.list_all_resource_templates().await.map(drop),
        _ => {
            let read = ReadResourceRequestParams::new("test://a");
            client.read_resource(read).await.map(drop)
        }
    }
}

#[tokio::test]
async fn by_default_nothing_is_kept() {
    for over in Over::ALL {
        let server = server(json!({ "ttlMs": 60_000, "cacheScope": "public" }));
        let pool = pool(PoolConfig::default());
        let client = client(&pool, over, &server, "alice", "Bearer a").await;
        for kind in KINDS {
            for _ in 0..2 {
                ask(&client, kind).await.expect("an answer");
            }
            assert_eq!(server.count(kind), 2, "{over:?} {kind}");
        }
        let stats = pool.stats();
        assert_eq!((stats.answer_hits, stats.answer_misses), (0, 0));
        close(&pool).await;
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_its_key_alone() {
    for over in Over::ALL {
        let server = server(json!({ "ttlMs": 60_000, "cacheScope": "public" }));
        let pool = pool(config());
        let alice = client(&pool, over, &server, "alice", "Bearer a").await;
        let bob = client(&pool, over, &server, "bob", "Bearer b").await;
        for kind in KINDS {
            for _ in 0..3 {
                ask(&alice, kind).await.expect("an answer");
            }
            assert_eq!(server.count(kind), 1, "{over:?} {kind}");
            ask(&bob, kind).await.expect("an answer");
            assert_eq!(server.count(kind), 2, "{over:?} {kind}");
        }
        let stats = pool.stats();
        assert_eq!((stats.answer_hits, stats.answer_misses), (8, 8), "{over:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_private_answer_is_kept_for_the_credential_that_it_was_had_with() {
    for over in Over::ALL {
        let server = server(json!({ "ttlMs": 60_000, "cacheScope": "private" }));
        let pool = pool(config());
        let old = client(&pool, over, &server, "alice", "Bearer old").await;
        let new = client(&pool, over, &server, "alice", "Bearer new").await;
        assert_eq!(pool.stats().pool_key_count, 1);
        for kind in KINDS {
            for client in [&old, &old, &new, &new] {
                ask(client, kind).await.expect("an answer");
            }
            assert_eq!(server.count(kind), 2, "{over:?} {kind}");
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn without_a_lifetime_a_server_without_sessions_lets_nothing_be_kept() {
    for hints in [json!({}), json!({ "ttlMs": 0, "cacheScope": "public" })] {
        let server = server(hints);
        let pool = pool(config());
        let over = Over::StatelessHttp;
        let client = client(&pool, over, &server, "alice", "Bearer a").await;
        for kind in KINDS {
            for _ in 0..2 {
                ask(&client, kind).await.expect("an answer");
            }
            assert_eq!(server.count(kind), 2, "{kind}");
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_reported_change_drops_what_it_concerns_and_nothing_else() {
    for over in Over::IN_SESSIONS {
        for (notification, concerned) in [
            ("notifications/prompts/list_changed", vec!["prompts/list"]),
            (
                "notifications/resources/list_changed",
                vec![
                    "resources/list",
                    "resources/templates/list",
                    "resources/read",
                ],
            ),
            ("notifications/resources/updated", vec!["resources/read"]),
            ("notifications/tools/list_changed", vec![]),
        ] {
            let server = server(json!({}));
            let pool = pool(config());
            let client = client(&pool, over, &server, "alice", "Bearer a").await;
            for kind in KINDS {
                ask(&client, kind).await.expect("an answer");
            }
            eventually("the stream is open", || server.open_streams() == 1).await;
            let params = json!({ "uri": "test://a" });
            let message = json!({ "jsonrpc": "2.0", "method": notification, "params": params });
            server.broadcast(&message.to_string()).await;
            for kind in KINDS {
                let expected = if concerned.contains(&kind) { 2 } else { 1 };
                for _ in 0..6_000 {
                    ask(&client, kind).await.expect("an answer");
                    if server.count(kind) == expected {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                assert_eq!(
                    server.count(kind),
                    expected,
                    "{over:?} {notification} {kind}"
                );
            }
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn an_update_received_by_a_subscription_drops_the_kept_content() {
    let server = ScriptedServer::start(|exchange| async move {
        if exchange.method() != "subscriptions/listen" {
            let hints = json!({ "ttlMs": 60_000, "cacheScope": "public" });
            return answer(&exchange, &hints).await;
        }
        let id = &exchange.message()["id"];
        let meta = json!({ "io.modelcontextprotocol/subscriptionId": id });
        let accepted = &exchange.message()["params"]["notifications"];
        let acknowledged = json!({
            "jsonrpc": "2.0",
            "method": "notifications/subscriptions/acknowledged",
            "params": { "notifications": accepted, "_meta": meta },
        });
        exchange.send(&acknowledged.to_string()).await;
        let updated = json!({
            "jsonrpc": "2.0",
            "method": "notifications/resources/updated",
            "params": { "uri": "test://a", "_meta": meta },
        });
        while exchange.send(&updated.to_string()).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let pool = pool(config());
    let client = client(&pool, Over::StatelessHttp, &server, "alice", "Bearer a").await;
    for _ in 0..2 {
        ask(&client, "resources/read").await.expect("an answer");
    }
    assert_eq!(server.count("resources/read"), 1);
    let mut updates = client.subscribe("test://a").await.expect("a subscription");
    updates.next().await.expect("no error").expect("an update");
    ask(&client, "resources/read").await.expect("an answer");
    assert_eq!(server.count("resources/read"), 2);
    drop(updates);
    close(&pool).await;
}
