//! A connection is not a session: what breaks one leaves the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{Fault, FaultServer, RawServer, Reply, When, Wire};
use mcp_session_pool::{
    PoolConfig, SessionPool, StreamableHttpConnector,
    config::Lifecycle,
    error::Outcome,
    reqwest::{self, Certificate},
};

use crate::setup::{Refuse, call, client, close, conversation, pool};

/// The ways in which a connection breaks under a call that the server has read.
const BREAKS: [(&str, Refuse); 6] = [
    ("closed", |_| Reply::cut()),
    ("reset", |_| Reply::reset()),
    ("half a head", |_| {
        Reply::bytes(b"HTTP/1.1 200".to_vec()).then_close()
    }),
    ("half a body", |request| {
        let reply = request.plain_reply("");
        reply.broken_off_after(90)
    }),
    ("half a stream", |_| {
        let head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n";
        Reply::bytes(head.to_vec()).then_close()
    }),
    ("413", |_| Reply::status(413)),
];

/// A server with one session, whose tool `broken` breaks the connection.
fn server(break_off: Refuse) -> RawServer {
    RawServer::start(move |request| match request.tool() {
        "broken" => break_off(request),
        _ => request.plain_reply("session"),
    })
}

#[tokio::test]
async fn a_broken_connection_costs_its_call_and_no_session() {
    for (name, break_off) in BREAKS {
        let server = server(break_off);
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        call(&alice, "count").await.expect(name);
        let error = call(&alice, "broken").await.expect_err(name);
        assert_eq!(error.outcome(), Outcome::Unknown, "{name}: {error:?}");
        call(&alice, "count").await.expect(name);
        assert_eq!(server.count("initialize"), 1, "{name}");
        assert_eq!(server.count("DELETE"), 0, "{name}");
        assert_eq!(server.count("ping"), 1, "{name}: it is checked once");
        assert_eq!(pool.stats().circuit_breaker_trips, 0, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_conversation_keeps_its_session_through_a_broken_connection() {
    for (name, break_off) in BREAKS {
        let server = server(break_off);
        let pool = pool(PoolConfig::default());
        let endpoint = server.endpoint(Lifecycle::Legacy);
        let talk = conversation(&pool, endpoint, "talk").await;
        call(&talk, "count").await.expect(name);
        call(&talk, "broken").await.expect_err(name);
        call(&talk, "count").await.expect(name);
        assert_eq!(server.count("initialize"), 1, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn an_opening_that_dies_on_its_connection_is_sent_again() {
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Stateless, Lifecycle::Auto] {
        for reply in [Reply::cut(), Reply::reset()] {
            let cut = AtomicBool::new(false);
            let server = RawServer::start(move |request| {
                let opens = matches!(request.method(), "initialize" | "server/discover");
                if opens && !cut.swap(true, Ordering::SeqCst) {
                    return reply.clone();
                }
                match lifecycle {
                    Lifecycle::Stateless => request.stateless_reply(),
                    _ => request.plain_reply("session"),
                }
            });
            let pool = pool(PoolConfig::default());
            let alice = client(&pool, server.endpoint(lifecycle), "alice").await;
            call(&alice, "count").await.expect("an answer");
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_read_that_dies_on_its_connection_is_sent_again_and_a_call_is_not() {
    for (name, break_off) in BREAKS.iter().filter(|(name, _)| *name != "413") {
        let broken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&broken);
        let break_off = *break_off;
        let server = RawServer::start(move |request| {
            let is_read = request.method() == "tools/list";
            match is_read && count.fetch_add(1, Ordering::SeqCst) == 0 {
                true => break_off(request),
                false => request.plain_reply("session"),
            }
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        alice.list_all_tools().await.expect(name);
        assert_eq!(server.count("tools/list"), 2, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_farewell_that_dies_on_its_connection_is_sent_again() {
    let cut = AtomicBool::new(false);
    let server = RawServer::start(move |request| {
        match request.method() == "DELETE" && !cut.swap(true, Ordering::SeqCst) {
            true => Reply::reset(),
            false => request.plain_reply("session"),
        }
    });
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    call(&alice, "count").await.expect("an answer");
    close(&pool).await;
    assert_eq!(server.count("DELETE"), 2);
}

#[tokio::test]
async fn a_farewell_is_sent_again_where_the_server_had_no_trusted_certificate_for_half_a_second() {
    let moment = Duration::from_millis(500);
    let faults = [
        Fault::UntrustedCertificate(moment),
        Fault::ExpiredCertificate(moment),
    ];
    for fault in faults {
        let server = FaultServer::builder(Wire::Json, Lifecycle::Legacy);
        let server = server.secure().start().expect("a server");
        let authority = Certificate::from_pem(FaultServer::authority().as_bytes()).expect("PEM");
        let trusting = reqwest::Client::builder().tls_certs_only([authority]);
        let connector = StreamableHttpConnector::from_builder(trusting).expect("a client");
        let pool = SessionPool::builder().connector(connector).build();
        let pool = pool.expect("a pool");
        let alice = client(&pool, server.endpoint(), "alice").await;
        call(&alice, "increment").await.expect("a count");
        assert_eq!(server.open_sessions(), 1);
        server.arm(fault, When::Nth("tools/call".to_owned(), 1));
        // It may succeed by the time that the certificate is trusted again.
        let _ = call(&alice, "increment").await;
        close(&pool).await;
        assert_eq!(server.open_sessions(), 0);
    }
}

#[tokio::test]
async fn only_a_call_that_is_declared_repeatable_is_repeated_after_an_unknown_outcome() {
    for is_declared in [true, false] {
        let broken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&broken);
        let server = RawServer::start(move |request| {
            match request.tool() == "flaky" && count.fetch_add(1, Ordering::SeqCst) == 0 {
                true => Reply::reset(),
                false => request.plain_reply("session"),
            }
        });
        let pool = pool(PoolConfig::default());
        let mut alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        if is_declared {
            alice = alice.repeatable();
        }
        let result = call(&alice, "flaky").await;
        assert_eq!(result.is_ok(), is_declared, "{result:?}");
        assert_eq!(server.count("initialize"), 1);
        close(&pool).await;
    }
}

#[tokio::test]
async fn repetitions_have_a_budget_so_that_an_outage_is_not_made_worse() {
    let server = server(|_| Reply::reset());
    let pool = pool(PoolConfig::default());
    let endpoint = server.endpoint(Lifecycle::Legacy);
    let alice = client(&pool, endpoint, "alice").await.repeatable();
    for _ in 0..50 {
        call(&alice, "broken").await.expect_err("a reset");
    }
    let sent = server.count("tools/call");
    assert!(sent <= 50 + 10 + 50, "{sent} requests for 50 calls");
    assert!(sent >= 60, "{sent}");
    close(&pool).await;
}
