//! Connections that die, refuse or stay silent.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use mcp_pool_testkit::{RawServer, Reply};
use mcp_session_pool::{
    PoolConfig,
    error::{CallError, Outcome},
    serde_json::json,
};

use super::{UNKNOWN, server};
use crate::{
    common::eventually,
    setup::{Refuse, call, client, close, conversation, pool},
};

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed() {
    for status in [307, 308] {
        let server = RawServer::start(move |request| {
            let is_moved = request.target.starts_with("/moved");
            match request.tool() == "broken" && !is_moved {
                true => {
                    let target = format!("/moved{}", request.target);
                    Reply::status(status).with_header("location", &target)
                }
                false => request.sse_reply(),
            }
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.sse_endpoint(), "alice").await;
        assert_eq!(call(&alice, "broken").await.expect("an answer"), "1");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_read_whose_connection_dies_is_repeated() {
    for reply in [Reply::cut(), Reply::reset()] {
        let lists = AtomicUsize::new(0);
        let server = RawServer::start(move |request| {
            let is_list = request.method() == "tools/list";
            match is_list && lists.fetch_add(1, Ordering::SeqCst) == 0 {
                true => reply.clone(),
                false => request.sse_reply(),
            }
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.sse_endpoint(), "alice").await;
        alice.list_all_tools().await.expect("a list");
        assert_eq!(server.count("tools/list"), 2);
        assert_eq!(server.count("GET"), 1);
        close(&pool).await;
    }
}

#[tokio::test]
async fn an_opening_whose_connection_dies_is_made_again_on_a_new_stream() {
    for method in ["initialize", "notifications/initialized"] {
        for reply in [Reply::cut(), Reply::reset()] {
            let times = AtomicUsize::new(0);
            let server = RawServer::start(move |request| {
                let is_it = request.method() == method;
                match is_it && times.fetch_add(1, Ordering::SeqCst) == 0 {
                    true => reply.clone(),
                    false => request.sse_reply(),
                }
            });
            let pool = pool(PoolConfig::default());
            let alice = client(&pool, server.sse_endpoint(), "alice").await;
            call(&alice, "count").await.expect(method);
            let open = || server.open_streams() == 1;
            eventually("the first stream is closed", open).await;
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_call_without_an_answer_ends_with_its_deadline_and_its_session_is_checked() {
    let silent: [Refuse; 3] = [
        |_| Reply::status(202),
        |_| Reply::hang(),
        // The answer to another request is for no call of this session.
        |request| {
            let answer = json!({ "jsonrpc": "2.0", "id": "other", "result": {} });
            Reply::status(202).with_event(request.session(), &answer)
        },
    ];
    for broken in silent {
        let server = server(broken);
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.sse_endpoint(), "alice").await;
        call(&alice, "count").await.expect("an answer");
        // Long enough for the call to reach a slow server.
        let brief = alice.with_timeout(Duration::from_secs(1));
        let error = call(&brief, "broken").await.expect_err("no answer");
        assert_eq!((error.outcome(), &*error.label()), (UNKNOWN, "timeout"));
        call(&alice, "count").await.expect("an answer");
        assert_eq!((server.count("GET"), server.count("ping")), (1, 1));
        close(&pool).await;
    }
}

#[tokio::test]
async fn the_session_of_a_conversation_that_ends_between_two_calls_is_lost() {
    let ends: [Refuse; 2] = [
        |request| request.sse_reply().closing_stream(request.session()),
        |request| request.sse_reply().resetting_stream(request.session()),
    ];
    for end in ends {
        let server = server(end);
        let pool = pool(PoolConfig::default());
        let talk = conversation(&pool, server.sse_endpoint(), "talk").await;
        call(&talk, "broken")
            .await
            .expect("an answer before the end");
        eventually("the pool notices it", || pool.stats().total_sessions == 0).await;
        let lost = call(&talk, "count").await;
        assert!(matches!(lost, Err(CallError::SessionLost)), "{lost:?}");
        assert_eq!(server.count("GET"), 1);
        call(&talk, "count").await.expect("an answer");
        close(&pool).await;
    }
}

/// A server that keeps no connection but the streams, and refuses new ones.
fn unreachable() -> RawServer {
    RawServer::start(|request| match request.http_method.as_str() {
        "GET" => request.sse_reply(),
        _ => request
            .sse_reply()
            .with_header("connection", "close")
            .then_close(),
    })
}

#[tokio::test]
async fn a_call_that_reaches_no_server_is_repeated_once_the_server_is_there_again() {
    let server = unreachable();
    let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(1));
    let alice = client(&pool, server.sse_endpoint(), "alice").await;
    call(&alice, "count").await.expect("an answer");
    server.refuse_connections();
    let back = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.accept_connections();
    };
    let (answer, ()) = tokio::join!(call(&alice, "count"), back);
    assert_eq!(answer.expect("an answer"), "1");
    assert_eq!(server.count("tools/call"), 2);
    assert_eq!(server.count("GET"), 1, "the session stays");
    close(&pool).await;
}

#[tokio::test]
async fn a_call_that_reaches_no_server_at_all_ends_as_not_executed() {
    let server = unreachable();
    let config = PoolConfig::default()
        .with_circuit_breaker_threshold(1)
        .with_circuit_breaker_patience(Duration::from_millis(100));
    let pool = pool(config);
    let alice = client(&pool, server.sse_endpoint(), "alice").await;
    call(&alice, "count").await.expect("an answer");
    server.refuse_connections();
    let error = call(&alice, "count").await.expect_err("no server");
    assert_eq!(error.outcome(), Outcome::NotExecuted, "{error:?}");
    assert!(matches!(error, CallError::Acquire(_)), "{error:?}");
    assert_eq!(server.count("tools/call"), 1);
    close(&pool).await;
}
