//! A deploy loses no session.

use mcp_pool_testkit::{
    RawServer,
    server::{CounterServer, Modes},
};
use mcp_session_pool::config::Lifecycle;

use super::setup::{Directory, replica};
use crate::setup::until;
use crate::setup::{call, client, close, conversation};

fn server() -> CounterServer {
    CounterServer::start_as(Modes::default().legacy_only())
}

#[tokio::test]
async fn a_rolling_restart_opens_no_session_and_keeps_the_state() {
    let server = server();
    let directory = Directory::default();
    for round in 1..=10 {
        let pool = replica(&directory);
        let talk = conversation(&pool, server.endpoint(), "talk").await;
        let bob = client(&pool, server.endpoint(), "bob").await;
        let count = round.to_string();
        assert_eq!(call(&talk, "increment").await.expect("a count"), count);
        assert_eq!(call(&bob, "increment").await.expect("a count"), count);
        close(&pool).await;
        assert_eq!(server.count("initialize"), 2, "round {round}");
        assert_eq!(server.sessions_closed(), 0, "round {round}");
    }
}

#[tokio::test]
async fn a_pool_that_is_drained_before_its_close_leaves_nothing_open() {
    let server = server();
    let directory = Directory::default();
    let pool = replica(&directory);
    for user in ["alice", "bob"] {
        let client = client(&pool, server.endpoint(), user).await;
        call(&client, "increment").await.expect("a count");
    }
    pool.drain();
    close(&pool).await;
    server.expect_no_session().await;
    assert_eq!(directory.store.sessions(), 0);
}

#[tokio::test]
async fn a_dropped_pool_hands_its_sessions_over_too() {
    let server = server();
    let directory = Directory::default();
    for (before, count) in ["1", "2"].into_iter().enumerate() {
        let pool = replica(&directory);
        let client = client(&pool, server.endpoint(), "alice").await;
        assert_eq!(call(&client, "increment").await.expect("a count"), count);
        drop((client, pool));
        // The background task hands over.
        until("it is handed over", || directory.parks() > before).await;
    }
    assert_eq!(server.sessions_opened(), 1);
}

#[tokio::test]
async fn a_session_whose_server_set_a_cookie_is_closed_not_handed_over() {
    let server = RawServer::start(|request| {
        let reply = request.plain_reply("session");
        match request.method() {
            "initialize" => reply.with_header("set-cookie", "login=alice"),
            _ => reply,
        }
    });
    let directory = Directory::default();
    let pool = replica(&directory);
    let client = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    call(&client, "count").await.expect("an answer");
    close(&pool).await;
    assert_eq!(server.count("DELETE"), 1);
    assert_eq!(directory.sealed(), []);
    assert_eq!(directory.store.sessions(), 0);
}

#[tokio::test]
async fn a_failed_handshake_leaves_no_record() {
    let server = RawServer::start(|request| match request.method() {
        "initialize" => request.error(200, -32603, "no"),
        _ => request.plain_reply(""),
    });
    let directory = Directory::default();
    let pool = replica(&directory);
    let talk = conversation(&pool, server.endpoint(Lifecycle::Legacy), "talk").await;
    call(&talk, "count").await.expect_err("no session");
    assert_eq!(directory.store.sessions(), 0);
    close(&pool).await;
}
