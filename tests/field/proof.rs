//! A call is repeated only on proof that it was not executed, and never as another caller.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mcp_pool_testkit::{RawServer, Reply};
use mcp_session_pool::{PoolConfig, config::Lifecycle, error::Outcome};

use crate::setup::{Refuse, call, client, close, pool};

/// Answers that a server may give after it has executed the call.
const AFTERWARDS: [(&str, Refuse); 13] = [
    ("303", |_| {
        Reply::status(303).with_header("location", "/done")
    }),
    ("400", |_| Reply::text(400, "text/plain", "Bad Request")),
    ("400, words", |_| {
        Reply::text(400, "text/plain", "no valid session")
    }),
    ("401", |_| Reply::status(401)),
    ("403", |_| Reply::status(403)),
    ("404", |_| Reply::status(404)),
    ("404, page", |_| {
        Reply::text(404, "text/html", "<h1>no such page</h1>")
    }),
    ("405", |_| Reply::status(405)),
    ("409", |_| Reply::status(409)),
    ("413", |_| Reply::status(413)),
    ("429", |_| Reply::status(429)),
    ("500", |_| Reply::status(500)),
    ("502", |_| Reply::status(502)),
];

/// A server that executes a call, counts it and then answers so.
fn executing(
    refuse: Refuse,
    is_stateless: bool,
    has_session: bool,
) -> (RawServer, Arc<AtomicUsize>) {
    let executed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&executed);
    let server = RawServer::start(move |request| {
        if request.tool() == "broken" {
            counter.fetch_add(1, Ordering::SeqCst);
            return refuse(request);
        }
        match (is_stateless, has_session) {
            (true, _) => request.stateless_reply(),
            (false, true) => request.plain_reply("session"),
            (false, false) => request.plain_reply(""),
        }
    });
    (server, executed)
}

#[tokio::test]
async fn a_call_that_was_executed_before_its_refusal_is_not_executed_twice() {
    for (name, refuse) in AFTERWARDS {
        for (lifecycle, has_session) in [
            (Lifecycle::Legacy, true),
            (Lifecycle::Legacy, false),
            (Lifecycle::Stateless, false),
            (Lifecycle::Auto, true),
        ] {
            let is_stateless = lifecycle == Lifecycle::Stateless;
            let (server, executed) = executing(refuse, is_stateless, has_session);
            let pool = pool(PoolConfig::default());
            let alice = client(&pool, server.endpoint(lifecycle), "alice").await;
            call(&alice, "count").await.expect(name);
            let error = call(&alice, "broken").await.expect_err(name);
            let what = format!("{name}, {lifecycle:?}, session: {has_session}: {error:?}");
            assert_eq!(executed.load(Ordering::SeqCst), 1, "{what}");
            assert_eq!(error.outcome(), Outcome::Unknown, "{what}");
            call(&alice, "count").await.expect("the session goes on");
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn an_answer_with_the_id_of_the_call_is_an_answer_with_any_status() {
    for status in [200, 400, 401, 403, 404, 405, 409, 422, 429, 500, 503] {
        let server = RawServer::start(move |request| match request.tool() {
            "broken" => request.error(status, -32601, "Method not found"),
            _ => request.plain_reply("session"),
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        for _ in 0..4 {
            let error = call(&alice, "broken").await.expect_err("an error");
            assert_eq!(error.outcome(), Outcome::Answered, "{status}: {error:?}");
            assert_eq!(error.label(), "-32601", "{status}");
        }
        assert_eq!(server.count("tools/call"), 4, "{status}");
        assert_eq!(server.count("initialize"), 1, "{status}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_challenge_before_execution_is_proof_and_nothing_else_of_a_401_is() {
    for (challenge, answers, expected) in [
        (Some("Bearer"), false, Outcome::NotExecuted),
        (None, false, Outcome::Unknown),
    ] {
        let server = RawServer::start(move |request| match (request.tool(), challenge) {
            ("broken", Some(challenge)) if !answers => {
                Reply::status(401).with_header("www-authenticate", challenge)
            }
            ("broken", _) => Reply::status(401),
            _ => request.plain_reply("session"),
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        let error = call(&alice, "broken").await.expect_err("a refusal");
        assert_eq!(error.outcome(), expected, "{challenge:?}");
        close(&pool).await;
    }
}
