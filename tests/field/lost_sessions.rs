//! A session that the server has forgotten costs a call at most, whatever the server answers.

use std::error::Error;

use mcp_pool_testkit::Reply;
use mcp_session_pool::PoolConfig;
use serde_json::json;

use crate::setup::{ForgetfulServer, Refuse, call, client, close, pool};

/// The ways in which servers refuse a session that they do not know.
const REFUSALS: [(&str, Refuse); 16] = [
    ("404", |_| Reply::status(404)),
    ("404, text", |_| {
        Reply::text(404, "text/plain", "Session not found")
    }),
    ("404, page", |_| {
        Reply::text(404, "text/html", "<h1>no such page</h1>")
    }),
    ("404, nameless", |_| {
        nameless(404, -32001, "Session not found")
    }),
    ("404, answer", |request| {
        request.error(404, -32001, "Session not found")
    }),
    ("405", |_| Reply::status(405)),
    ("410", |_| Reply::status(410)),
    ("400", |_| Reply::status(400)),
    ("400, text", |_| {
        Reply::text(
            400,
            "text/plain",
            "Bad Request: No valid session ID provided",
        )
    }),
    ("400, nameless", |_| {
        nameless(400, -32600, "Bad Request: Missing session ID")
    }),
    ("400, nameless without words", |_| {
        nameless(400, -32000, "Bad Request")
    }),
    ("400, answer", |request| {
        request.error(400, -32600, "Invalid session id")
    }),
    ("401, text", |_| {
        Reply::text(401, "text/plain", "Unauthorized: Session not found")
    }),
    ("401", |_| Reply::status(401)),
    ("200, answer", |request| {
        request.error(200, -32001, "Session not found")
    }),
    ("500, text", |_| {
        Reply::text(500, "text/plain", "unknown session")
    }),
];

fn nameless(status: u16, code: i32, message: &str) -> Reply {
    let error = json!({ "code": code, "message": message });
    Reply::json(
        status,
        &json!({ "jsonrpc": "2.0", "id": null, "error": error }),
    )
}

#[tokio::test]
async fn a_forgotten_session_costs_one_call_at_most_whatever_the_server_answers() {
    for (name, refuse) in REFUSALS {
        let server = ForgetfulServer::start(refuse);
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(), "alice").await;
        call(&alice, "count").await.expect(name);
        server.forget();
        let first = call(&alice, "count").await;
        let second = call(&alice, "count").await;
        assert!(second.is_ok(), "{name}: {first:?}, {second:?}");
        let succeeded = 2 + usize::from(first.is_ok());
        assert_eq!(server.executed(), succeeded, "{name}");
        assert_eq!(server.opened(), 2, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_refusal_that_names_the_session_costs_no_call_once_a_check_confirms_it() {
    let named = [
        "404, text",
        "404, nameless",
        "404, answer",
        "400, text",
        "400, nameless",
        "400, answer",
        "401, text",
        "200, answer",
        "500, text",
    ];
    for (name, refuse) in REFUSALS.iter().filter(|(name, _)| named.contains(name)) {
        let server = ForgetfulServer::start(*refuse);
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(), "alice").await;
        call(&alice, "count").await.expect(name);
        server.forget();
        let repeated = call(&alice, "count").await;
        assert!(repeated.is_ok(), "{name}: {repeated:?}");
        assert_eq!(server.executed(), 2, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_session_that_answers_pings_and_refuses_calls_is_replaced_after_two_calls() {
    for (name, refuse) in REFUSALS {
        let server = ForgetfulServer::start_answering_pings(refuse);
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(), "alice").await;
        call(&alice, "count").await.expect(name);
        server.forget();
        let mut results = Vec::new();
        for _ in 0..3 {
            results.push(call(&alice, "count").await.is_ok());
        }
        // A 401 without words is about the credential, as long as the session answers.
        let is_credential = name == "401";
        assert!(results[2] || is_credential, "{name}: {results:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn every_slot_of_a_forgotten_session_recovers() {
    let server = ForgetfulServer::start(|_| Reply::text(400, "text/plain", "no valid session"));
    let slots = 8.try_into().expect("not zero");
    let config = PoolConfig::default()
        .with_max_sessions_per_key(1)
        .with_max_concurrent_per_session(slots);
    let pool = pool(config);
    let alice = client(&pool, server.endpoint(), "alice").await;
    call(&alice, "count").await.expect("an answer");
    server.forget();
    let calls = (0..8).map(|_| call(&alice, "count"));
    let results = futures::future::join_all(calls).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(server.executed(), 9);
    close(&pool).await;
}

#[tokio::test]
async fn a_tool_that_is_always_refused_costs_neither_sessions_nor_repetitions() {
    for (name, refuse) in REFUSALS {
        let server = mcp_pool_testkit::RawServer::start(move |request| match request.tool() {
            "broken" => refuse(request),
            _ => request.plain_reply("session"),
        });
        let pool = pool(PoolConfig::default());
        let endpoint = server.endpoint(mcp_session_pool::config::Lifecycle::Legacy);
        let alice = client(&pool, endpoint, "alice").await;
        for _ in 0..30 {
            call(&alice, "broken").await.expect_err(name);
        }
        assert!(
            server.count("initialize") <= 3,
            "{name}: {}",
            server.count("initialize")
        );
        assert!(
            server.count("tools/call") <= 32,
            "{name}: {}",
            server.count("tools/call")
        );
        let requests = server.seen().len();
        assert!(requests <= 70, "{name}: {requests} requests for 30 calls");
        call(&alice, "count").await.expect("another tool works");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_session_id_that_a_server_gives_to_two_users_serves_only_the_first() {
    let server =
        mcp_pool_testkit::RawServer::start(|request| request.plain_reply("the-same-for-all"));
    let pool = pool(PoolConfig::default());
    let endpoint = server.endpoint(mcp_session_pool::config::Lifecycle::Legacy);
    let alice = client(&pool, endpoint.clone(), "alice").await;
    call(&alice, "count").await.expect("an answer");
    let bob = client(&pool, endpoint, "bob").await;
    let error = call(&bob, "count").await.expect_err("a refusal");
    assert_eq!(error.label(), "protocol");
    assert!(
        !format!("{error:?}").contains("the-same-for-all"),
        "{error:?}"
    );
    let sources = std::iter::successors(Some(&error as &dyn Error), |error| (*error).source());
    let causes: Vec<_> = sources.map(ToString::to_string).collect();
    assert!(
        causes.iter().any(|cause| cause.contains("another key")),
        "{causes:?}"
    );
    assert_eq!(server.count("DELETE"), 0, "the session is alice's");
    call(&alice, "count").await.expect("her session goes on");
    close(&pool).await;
}
