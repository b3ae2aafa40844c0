//! The hints of a tool count only from a trusted server, and only from the caller's own fresh list.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{RawRequest, RawServer, Reply};
use mcp_session_pool::{
    Endpoint, PoolConfig, SessionPool,
    config::Lifecycle,
    error::{CallError, Outcome},
    serde_json::{Value, json},
};

use crate::setup::{call, client, close, pool};

/// A server that executes each call of the tool `flaky`, and resets the connection of the first one.
struct Flaky {
    server: RawServer,
    executed: Arc<AtomicUsize>,
}

impl Flaky {
    /// A server whose list of tools is `list`.
    fn start(lifecycle: Lifecycle, list: Value) -> Self {
        let (executed, sessions) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let count = Arc::clone(&executed);
        let server = RawServer::start(move |request| match (request.method(), request.tool()) {
            ("tools/list", _) => request.result(&list),
            (_, "flaky") if count.fetch_add(1, Ordering::SeqCst) == 0 => Reply::reset(),
            (_, "change") => changing(request),
            _ if lifecycle == Lifecycle::Stateless => request.stateless_reply(),
            ("initialize", _) => {
                let number = sessions.fetch_add(1, Ordering::SeqCst);
                request.plain_reply(&format!("session-{number}"))
            }
            _ => request.plain_reply(""),
        });
        Self { server, executed }
    }

    fn executed(&self) -> usize {
        self.executed.load(Ordering::SeqCst)
    }

    /// Asserts that the call of `flaky` was executed once and not repeated.
    fn expect_once(&self, result: Result<String, CallError>, what: &str) {
        let error = result.expect_err(what);
        assert_eq!(error.outcome(), Outcome::Unknown, "{what}: {error:?}");
        assert_eq!(self.executed(), 1, "{what}");
    }
}

/// An answer before which the server announces that its tools have changed.
fn changing(request: &RawRequest) -> Reply {
    let changed = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    let id = &request.message["id"];
    let answer = json!({ "jsonrpc": "2.0", "id": id, "result": { "content": [] } });
    let events = format!("data: {changed}\n\ndata: {answer}\n\n");
    Reply::text(200, "text/event-stream", &events)
}

/// A list with the tool `flaky`, which has these annotations.
fn list(annotations: &Value) -> Value {
    let schema = json!({ "type": "object" });
    let flaky = json!({ "name": "flaky", "inputSchema": schema, "annotations": annotations });
    let other = json!({
        "name": "other",
        "inputSchema": schema,
        "annotations": { "idempotentHint": true, "readOnlyHint": true },
    });
    json!({
        "resultType": "complete",
        "ttlMs": 60_000,
        "cacheScope": "private",
        "tools": [other, flaky],
    })
}

fn idempotent() -> Value {
    list(&json!({ "idempotentHint": true }))
}

fn caching() -> SessionPool {
    pool(PoolConfig::default().with_tool_list_ttl(Duration::from_secs(60)))
}

/// The endpoint of a server that is trusted for its hints.
fn trusted(flaky: &Flaky, lifecycle: Lifecycle) -> Endpoint {
    flaky.server.endpoint(lifecycle).with_trusted_tool_hints()
}

const ERAS: [Lifecycle; 2] = [Lifecycle::Legacy, Lifecycle::Stateless];

#[tokio::test]
async fn a_call_is_repeated_where_a_trusted_server_hints_that_it_may_be() {
    for lifecycle in ERAS {
        for annotations in [
            json!({ "idempotentHint": true }),
            json!({ "idempotentHint": true, "destructiveHint": true }),
            json!({ "readOnlyHint": true }),
            json!({ "readOnlyHint": true, "destructiveHint": false }),
        ] {
            let flaky = Flaky::start(lifecycle, list(&annotations));
            let pool = caching();
            let alice = client(&pool, trusted(&flaky, lifecycle), "alice").await;
            alice.list_all_tools().await.expect("tools");
            let result = call(&alice, "flaky").await;
            assert!(result.is_ok(), "{lifecycle:?} {annotations}: {result:?}");
            assert_eq!(flaky.executed(), 2, "{lifecycle:?} {annotations}");
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_call_is_not_repeated_without_a_hint_or_where_the_hints_contradict_themselves() {
    for annotations in [
        json!({}),
        json!({ "idempotentHint": false, "readOnlyHint": false }),
        json!({ "destructiveHint": false }),
        json!({ "readOnlyHint": true, "destructiveHint": true }),
        json!({ "readOnlyHint": true, "destructiveHint": true, "idempotentHint": true }),
    ] {
        let flaky = Flaky::start(Lifecycle::Legacy, list(&annotations));
        let pool = caching();
        let alice = client(&pool, trusted(&flaky, Lifecycle::Legacy), "alice").await;
        alice.list_all_tools().await.expect("tools");
        flaky.expect_once(call(&alice, "flaky").await, &annotations.to_string());
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_hint_counts_for_nothing_where_the_server_is_not_trusted_for_it() {
    for lifecycle in ERAS {
        let flaky = Flaky::start(lifecycle, idempotent());
        let pool = caching();
        let endpoint = flaky.server.endpoint(lifecycle);
        let alice = client(&pool, endpoint, "alice").await;
        alice.list_all_tools().await.expect("tools");
        // The same sessions and the same list, requested by a part of the host that trusts.
        let trusting = client(&pool, trusted(&flaky, lifecycle), "alice").await;
        trusting.list_all_tools().await.expect("tools");
        assert_eq!(pool.stats().pool_key_count, 1);
        flaky.expect_once(call(&alice, "flaky").await, "without trust");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_hint_in_the_list_of_another_user_counts_for_nothing() {
    for lifecycle in ERAS {
        let flaky = Flaky::start(lifecycle, idempotent());
        let pool = caching();
        let bob = client(&pool, trusted(&flaky, lifecycle), "bob").await;
        bob.list_all_tools().await.expect("tools");
        let alice = client(&pool, trusted(&flaky, lifecycle), "alice").await;
        flaky.expect_once(call(&alice, "flaky").await, "the list is bob's");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_hint_in_a_list_that_is_unknown_counts_for_nothing() {
    let without_cache = pool(PoolConfig::default());
    for (pool, lists) in [(without_cache, true), (caching(), false)] {
        let flaky = Flaky::start(Lifecycle::Legacy, idempotent());
        let alice = client(&pool, trusted(&flaky, Lifecycle::Legacy), "alice").await;
        if lists {
            alice.list_all_tools().await.expect("tools");
        }
        flaky.expect_once(call(&alice, "flaky").await, "no list is known");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_hint_in_a_list_that_has_changed_counts_for_nothing_until_it_is_read_again() {
    for reads_again in [false, true] {
        let flaky = Flaky::start(Lifecycle::Legacy, idempotent());
        let pool = caching();
        let alice = client(&pool, trusted(&flaky, Lifecycle::Legacy), "alice").await;
        alice.list_all_tools().await.expect("tools");
        call(&alice, "change").await.expect("a change");
        assert_eq!(pool.stats().list_changes, 1);
        if reads_again {
            alice.list_all_tools().await.expect("tools");
            call(&alice, "flaky").await.expect("an answer");
        } else {
            flaky.expect_once(call(&alice, "flaky").await, "the list has changed");
        }
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_hint_in_a_list_that_has_expired_counts_for_nothing() {
    for lifecycle in ERAS {
        let mut brief = idempotent();
        brief["ttlMs"] = json!(1);
        let flaky = Flaky::start(lifecycle, brief);
        let pool = caching();
        let alice = client(&pool, trusted(&flaky, lifecycle), "alice").await;
        alice.list_all_tools().await.expect("tools");
        tokio::time::sleep(Duration::from_millis(20)).await;
        flaky.expect_once(call(&alice, "flaky").await, "the list has expired");
        close(&pool).await;
    }
}
