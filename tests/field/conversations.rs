//! A conversation never goes on silently on a new session.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{
    RawServer, Reply,
    server::{CounterServer, Modes},
};
use mcp_session_pool::{
    PoolConfig,
    config::Lifecycle,
    error::{AcquireError, CallError, Outcome},
};

use crate::setup::{ForgetfulServer, call, close, conversation, pool};

#[tokio::test]
async fn the_next_call_reports_that_the_session_of_its_conversation_is_lost() {
    for modes in [Modes::default(), Modes::default().over_sse()] {
        let mut server = CounterServer::start_as(modes);
        let pool = pool(PoolConfig::default());
        let talk = conversation(&pool, server.endpoint(), "talk").await;
        assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
        assert_eq!(call(&talk, "increment").await.expect("a count"), "2");
        server.restart();
        // The pool may notice the end of a stream before the next call.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let opened = server.sessions_opened();
        let lost = call(&talk, "increment").await;
        assert!(
            matches!(lost, Err(CallError::SessionLost)),
            "{modes:?}: {lost:?}"
        );
        assert_eq!(
            server.sessions_opened(),
            opened,
            "{modes:?}: nothing was opened"
        );
        assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_lost_conversation_is_an_error_whatever_the_server_answers() {
    let refusals: [fn(&mcp_pool_testkit::RawRequest) -> Reply; 4] = [
        |_| Reply::status(404),
        |_| Reply::text(400, "text/plain", "no valid session"),
        |request| request.error(200, -32001, "Session not found"),
        |_| Reply::status(405),
    ];
    for (number, refuse) in refusals.into_iter().enumerate() {
        let server = ForgetfulServer::start(refuse);
        let pool = pool(PoolConfig::default());
        let talk = conversation(&pool, server.endpoint(), "talk").await;
        call(&talk, "count").await.expect("an answer");
        server.forget();
        let lost = call(&talk, "count").await;
        assert!(
            matches!(lost, Err(CallError::SessionLost)),
            "{number}: {lost:?}"
        );
        assert_eq!(server.opened(), 1, "{number}");
        call(&talk, "count")
            .await
            .expect("the next call opens a session");
        close(&pool).await;
    }
}

#[tokio::test]
async fn an_acquire_by_hand_reports_the_loss_too() {
    let mut server = CounterServer::start_as(Modes::default().over_sse());
    let pool = pool(PoolConfig::default());
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    call(&talk, "increment").await.expect("a count");
    server.restart();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let lost = talk.acquire().await.expect_err("a lost session");
    assert!(matches!(lost, AcquireError::SessionLost), "{lost:?}");
    drop(talk.acquire().await.expect("a new session"));
    close(&pool).await;
}

#[tokio::test]
async fn a_conversation_survives_an_outage_that_its_session_survives() {
    // The server resets every connection for a while, and keeps its session: a network that was cut.
    let is_cut = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&is_cut);
    let server = RawServer::start(move |request| match cut.load(Ordering::SeqCst) {
        true => Reply::reset(),
        false => request.plain_reply("session"),
    });
    let pool = pool(PoolConfig::default());
    let endpoint = server.endpoint(Lifecycle::Legacy);
    let talk = conversation(&pool, endpoint, "talk").await;
    call(&talk, "count").await.expect("an answer");
    is_cut.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = call(&talk, "count").await.expect_err("a cut network");
        assert!(!matches!(error, CallError::SessionLost), "{error:?}");
    }
    is_cut.store(false, Ordering::SeqCst);
    call(&talk, "count").await.expect("the same session");
    assert_eq!(server.count("initialize"), 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_caller_that_waits_for_a_lost_conversation_gets_the_error_too() {
    let mut server = CounterServer::start();
    server.switches().delay_tools(Duration::from_secs(600));
    let one = std::num::NonZeroU32::MIN;
    let pool = pool(PoolConfig::default().with_max_concurrent_per_conversation(one));
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    call(&talk, "increment").await.expect("a count");
    let calls = ["wait", "increment"].map(|tool| {
        let talk = talk.clone();
        tokio::spawn(async move { call(&talk, tool).await })
    });
    while server.count("tools/call") < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.restart();
    let [cut, waiting] = calls;
    let cut = cut.await.expect("no panic").expect_err("a cut call");
    assert_eq!(cut.outcome(), Outcome::Unknown, "{cut:?}");
    let lost = waiting.await.expect("no panic");
    assert!(matches!(lost, Err(CallError::SessionLost)), "{lost:?}");
    assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
    close(&pool).await;
}
