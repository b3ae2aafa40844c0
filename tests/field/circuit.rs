//! Only an endpoint that is not there opens its circuit, and it closes soon after the return.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_pool_testkit::{
    RawServer, Reply,
    server::{CounterServer, Modes},
};
use mcp_session_pool::{
    PoolConfig, SessionPool, StreamableHttpConnector, config::Lifecycle, error::AcquireError,
    event::BreakerChanged, extend::Observer, stats::BreakerState,
};

use crate::setup::{Refuse, call, client, close, pool, request};

#[tokio::test]
async fn what_a_server_answers_never_opens_its_circuit() {
    let answers: [(&str, Refuse); 13] = [
        ("400", |_| Reply::status(400)),
        ("401", |_| Reply::status(401)),
        ("403", |_| Reply::status(403)),
        ("404", |_| Reply::status(404)),
        ("405", |_| Reply::status(405)),
        ("409", |_| Reply::status(409)),
        ("422", |_| Reply::status(422)),
        ("429", |_| Reply::status(429)),
        ("500", |_| Reply::status(500)),
        ("302", |_| {
            Reply::status(302).with_header("location", "/other")
        }),
        ("error", |request| {
            request.error(200, -32603, "Internal error")
        }),
        ("503 with an answer", |request| {
            request.error(503, -32000, "busy")
        }),
        ("no json", |_| {
            Reply::text(200, "application/json", "<html>")
        }),
    ];
    for (name, refuse) in answers {
        let server = RawServer::start(move |request| match request.method() {
            "initialize" | "server/discover" => refuse(request),
            _ => request.plain_reply("session"),
        });
        let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(2));
        for lifecycle in [Lifecycle::Legacy, Lifecycle::Auto] {
            let alice = request(server.endpoint(lifecycle), "alice");
            for _ in 0..6 {
                pool.acquire(&alice).await.expect_err(name);
            }
        }
        assert_eq!(pool.stats().circuit_breaker_trips, 0, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn calls_that_break_or_cannot_be_read_never_open_a_circuit() {
    let answers: [(&str, Refuse); 5] = [
        ("closed", |_| Reply::cut()),
        ("reset", |_| Reply::reset()),
        ("half a body", |request| {
            request.plain_reply("").broken_off_after(90)
        }),
        ("no json", |_| {
            Reply::text(200, "application/json", "<html>")
        }),
        ("another id", |_| {
            Reply::text(
                200,
                "application/json",
                r#"{"jsonrpc":"2.0","id":"x","result":{}}"#,
            )
        }),
    ];
    for (name, refuse) in answers {
        let server = RawServer::start(move |request| match request.tool() {
            "broken" => refuse(request),
            _ => request.plain_reply("session"),
        });
        let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(2));
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        for _ in 0..6 {
            call(&alice, "broken").await.expect_err(name);
        }
        assert_eq!(pool.stats().circuit_breaker_trips, 0, "{name}");
        call(&alice, "count").await.expect(name);
        close(&pool).await;
    }
}

#[tokio::test]
async fn the_failures_of_one_caller_do_not_open_the_circuit_for_others() {
    // The server resets the connections of one caller alone, as for headers that are too large.
    let server =
        RawServer::start(
            |request| match request.header("authorization").contains("mallory") {
                true => Reply::reset(),
                false => request.plain_reply("session"),
            },
        );
    let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(2));
    let endpoint = server.endpoint(Lifecycle::Legacy);
    for _ in 0..10 {
        let mallory = request(endpoint.clone(), "mallory");
        pool.acquire(&mallory).await.expect_err("a reset");
        let alice = client(&pool, endpoint.clone(), "alice").await;
        call(&alice, "count").await.expect("an answer");
    }
    assert_eq!(pool.stats().circuit_breaker_trips, 0);
    close(&pool).await;
}

#[tokio::test]
async fn a_probe_carries_nothing_of_a_caller() {
    let server =
        RawServer::start(
            |request| match request.header("authorization").contains("mallory") {
                true => Reply::reset(),
                false => request.plain_reply("session"),
            },
        );
    let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(1));
    let mallory = request(server.endpoint(Lifecycle::Legacy), "mallory");
    pool.acquire(&mallory).await.expect_err("a reset");
    let seen = server.seen();
    let probes = seen.iter().filter(|seen| seen.http_method == "OPTIONS");
    let probes: Vec<_> = probes.collect();
    assert!(!probes.is_empty());
    for probe in probes {
        assert_eq!(probe.header("authorization"), "");
        assert_eq!(probe.session(), "");
        assert!(probe.message.is_null());
    }
    close(&pool).await;
}

#[tokio::test]
async fn callers_wait_for_an_endpoint_that_comes_back() {
    for modes in [Modes::default(), Modes::default().over_sse()] {
        let mut server = CounterServer::start_as(modes);
        let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(1));
        let endpoint = server.endpoint();
        server.stop();
        let alice = request(endpoint.clone(), "alice");
        pool.acquire(&alice).await.expect_err("nobody is there");
        let status = pool.circuit(&endpoint).status();
        assert_eq!(status.state, BreakerState::Open, "{status:?}");
        assert_eq!(status.evidence, Some("unreachable"));
        assert!(status.next_probe.is_some() && status.outage.is_some());
        let waiting = {
            let (pool, bob) = (pool.clone(), request(endpoint.clone(), "bob"));
            tokio::spawn(async move { pool.acquire(&bob).await.map(drop) })
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waiting.is_finished());
        server.restart();
        waiting.await.expect("no panic").expect("a session");
        let status = pool.circuit(&endpoint).status();
        assert_eq!(status.state, BreakerState::Closed, "{status:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn without_patience_callers_fail_at_once_while_the_circuit_is_open() {
    let mut server = CounterServer::start();
    let config = PoolConfig::default()
        .with_circuit_breaker_threshold(1)
        .with_circuit_breaker_patience(Duration::ZERO);
    let pool = pool(config);
    let endpoint = server.endpoint();
    server.stop();
    let alice = request(endpoint, "alice");
    pool.acquire(&alice).await.expect_err("nobody is there");
    let error = pool.acquire(&alice).await.expect_err("an open circuit");
    assert!(
        matches!(error, AcquireError::CircuitOpen { .. }),
        "{error:?}"
    );
    close(&pool).await;
}

#[tokio::test]
async fn one_cut_of_many_calls_counts_once() {
    let mut server = CounterServer::start_as(Modes::default().over_sse());
    server.switches().delay_tools(Duration::from_secs(600));
    let pool = pool(PoolConfig::default());
    let mut calls = Vec::new();
    for user in 0..20 {
        let client = client(&pool, server.endpoint(), &format!("user-{user}")).await;
        calls.push(tokio::spawn(async move { call(&client, "wait").await }));
    }
    while server.count("tools/call") < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop();
    for call in calls {
        call.await.expect("no panic").expect_err("a cut call");
    }
    let failures = pool.circuit(&server.endpoint()).status().failures;
    assert!(failures <= 1, "{failures}");
    close(&pool).await;
}

#[tokio::test]
async fn a_circuit_is_opened_probed_and_closed_by_hand() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let (endpoint, alice) = (server.endpoint(), request(server.endpoint(), "alice"));
    let circuit = pool.circuit(&endpoint);
    let lease = pool.acquire(&alice).await.expect("a session");
    circuit.open();
    assert!(circuit.status().forced);
    let error = pool.acquire(&request(endpoint.clone(), "bob")).await;
    let error = error.expect_err("an open circuit");
    assert!(
        matches!(error, AcquireError::CircuitOpen { .. }),
        "{error:?}"
    );
    drop(lease);
    let client = client(&pool, endpoint.clone(), "alice").await;
    call(&client, "increment")
        .await
        .expect("open sessions go on");
    assert_eq!(circuit.status().state, BreakerState::Open);
    circuit.half_open();
    drop(
        pool.acquire(&request(endpoint.clone(), "bob"))
            .await
            .expect("a session"),
    );
    assert_eq!(circuit.status().state, BreakerState::Closed);
    circuit.open();
    circuit.close();
    drop(
        pool.acquire(&request(endpoint, "carol"))
            .await
            .expect("a session"),
    );
    close(&pool).await;
}

#[tokio::test]
async fn a_change_of_a_circuit_is_an_event_with_its_evidence() {
    /// The state, its evidence, and whether a probe is due.
    type Change = (BreakerState, Option<&'static str>, bool);

    #[derive(Clone, Default)]
    struct Changes(Arc<Mutex<Vec<Change>>>);

    impl Observer for Changes {
        fn breaker_changed(&self, event: &BreakerChanged<'_>) {
            let row = (
                event.after(),
                event.evidence(),
                event.next_probe().is_some(),
            );
            self.0.lock().expect("no panic").push(row);
        }
    }

    let mut server = CounterServer::start();
    let changes = Changes::default();
    let pool = SessionPool::builder()
        .config(PoolConfig::default().with_circuit_breaker_threshold(1))
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .observer(changes.clone())
        .build()
        .expect("a valid configuration");
    server.stop();
    let alice = request(server.endpoint(), "alice");
    pool.acquire(&alice).await.expect_err("nobody is there");
    server.restart();
    drop(pool.acquire(&alice).await.expect("a session"));
    let seen = changes.0.lock().expect("no panic").clone();
    let opened = (BreakerState::Open, Some("unreachable"), true);
    assert_eq!(seen, [opened, (BreakerState::Closed, None, false)]);
    close(&pool).await;
}

#[tokio::test]
async fn a_call_on_an_open_session_waits_for_an_endpoint_that_comes_back() {
    for modes in [
        Modes::default().stateless_only(),
        Modes::default().without_sessions(),
        Modes::default(),
    ] {
        let mut server = CounterServer::start_as(modes);
        let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(1));
        let alice = client(&pool, server.endpoint(), "alice").await;
        call(&alice, "count").await.expect("an answer");
        server.stop();
        // The client notices that its connections are closed.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let waiting = tokio::spawn(async move { call(&alice, "count").await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.restart();
        let answer = waiting.await.expect("no panic");
        assert!(answer.is_ok(), "{modes:?}: {answer:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_probe_ends_the_session_that_a_server_opens_for_it() {
    let server = RawServer::start(|request| match request.method() {
        "OPTIONS" => Reply::status(405).with_header("mcp-session-id", "of-the-probe"),
        "initialize" => Reply::reset(),
        _ => request.plain_reply("session"),
    });
    let pool = pool(PoolConfig::default().with_circuit_breaker_threshold(1));
    let alice = request(server.endpoint(Lifecycle::Legacy), "alice");
    pool.acquire(&alice).await.expect_err("a reset");
    let seen = server.seen();
    let ended = seen.iter().filter(|seen| seen.http_method == "DELETE");
    let ended: Vec<_> = ended.map(|seen| seen.session().to_owned()).collect();
    let probes = server.count("OPTIONS");
    assert_eq!(ended, vec!["of-the-probe".to_owned(); probes]);
    assert!(probes > 0);
    close(&pool).await;
}
