//! Calls on a session that the server does not know.

use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_pool_testkit::{RawServer, Reply};
use mcp_session_pool::{PoolConfig, error::CallError};

use super::{UNKNOWN, server, words};
use crate::setup::{Refuse, call, client, close, conversation, pool};

/// The ways in which a server refuses a session that it does not know.
const UNKNOWN_SESSIONS: [(&str, Refuse); 9] = [
    ("404 with words", |_| words(404, "Session not found")),
    ("404", |_| Reply::status(404)),
    ("400", |_| Reply::status(400)),
    ("400 with words", |_| {
        words(400, "Bad Request: No valid session ID provided")
    }),
    ("401 with words", |_| words(401, "Session not found")),
    ("405", |_| Reply::status(405)),
    ("410", |_| Reply::status(410)),
    ("500 with words", |_| words(500, "unknown session")),
    ("an error on the stream", |request| {
        let error = request.error_message(-32001, "Session not found");
        Reply::status(202).with_event(request.session(), &error)
    }),
];

/// A server that forgets its first session after a call on it.
fn forgetful(refuse: Refuse) -> RawServer {
    let posts = AtomicUsize::new(0);
    RawServer::start(move |request| {
        let is_first = request.session() == "session-0-0";
        let is_post = is_first && request.http_method == "POST";
        // initialize, initialized, the first call.
        match is_post && posts.fetch_add(1, Ordering::SeqCst) >= 3 {
            true => refuse(request),
            false => request.sse_reply(),
        }
    })
}

#[tokio::test]
async fn a_session_that_its_server_does_not_know_is_replaced_under_the_call() {
    for (name, refuse) in UNKNOWN_SESSIONS {
        let server = forgetful(refuse);
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.sse_endpoint(), "alice").await;
        for _ in 0..2 {
            let answer = call(&alice, "count").await;
            assert_eq!(answer.expect(name), "1");
        }
        assert_eq!(server.count("GET"), 2, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn the_session_of_a_conversation_that_its_server_does_not_know_is_lost() {
    for (name, refuse) in UNKNOWN_SESSIONS {
        let server = forgetful(refuse);
        let pool = pool(PoolConfig::default());
        let talk = conversation(&pool, server.sse_endpoint(), "talk").await;
        call(&talk, "count").await.expect(name);
        let lost = call(&talk, "count").await;
        assert!(
            matches!(lost, Err(CallError::SessionLost)),
            "{name}: {lost:?}"
        );
        assert_eq!(server.count("GET"), 1, "{name}");
        call(&talk, "count").await.expect(name);
        close(&pool).await;
    }
}

#[tokio::test]
async fn the_second_refused_call_in_a_row_closes_the_session() {
    let server = server(|_| words(400, "no valid session"));
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, server.sse_endpoint(), "alice").await;
    call(&alice, "count").await.expect("an answer");
    for _ in 0..2 {
        let error = call(&alice, "broken").await.expect_err("refused");
        assert_eq!(error.outcome(), UNKNOWN);
    }
    call(&alice, "count").await.expect("an answer");
    assert_eq!(server.count("GET"), 2);
    close(&pool).await;
}
