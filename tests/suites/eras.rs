//! Servers with sessions and servers without, through the same code.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use http::StatusCode;
use mcp_pool_testkit::server::{CounterServer, Modes, Refusal};
use mcp_session_pool::{
    Endpoint, PoolConfig, PooledClient, Scope, SessionPool, SseConnector, StreamableHttpConnector,
    config::Lifecycle,
    error::{CallError, FaultKind, Outcome},
    extend::Era,
};
use tokio::{
    sync::{RwLock, watch},
    time::Instant,
};

use crate::common::{builder, call, client, close, notice_the_cut, pool, pool_over, request};

fn legacy() -> Modes {
    Modes::default().legacy_only()
}

fn stateless() -> Modes {
    Modes::default().stateless_only()
}

#[tokio::test]
async fn the_same_code_serves_a_server_of_either_era() {
    let all_modes = [
        legacy(),
        legacy().over_sse(),
        stateless(),
        stateless().with_json(),
    ];
    for modes in all_modes {
        let mut server = CounterServer::start_as(modes);
        // One session a user, so that the counts of a user are the numbers of the user's calls.
        let config = PoolConfig::default().with_max_sessions_per_key(1);
        let builder = builder(config).connector(SseConnector::new().expect("an http client"));
        let pool = builder.build().expect("a valid configuration");
        let alice = client(&pool, &server, "alice").await;
        let tools = alice.list_all_tools().await.expect("tools");
        assert!(tools.iter().any(|tool| tool.name == "increment"));

        let users = (0..50).map(|user| twenty_calls(&pool, server.endpoint(), user));
        join_all(users).await;

        server.stop();
        notice_the_cut().await;
        let error = call(&alice, "count").await.expect_err("no server");
        assert_ne!(error.outcome(), Outcome::Answered, "{modes:?}: {error:?}");
        server.restart();
        assert_eq!(first_count(&alice).await, 1);
        assert_eq!(pool.stats().circuit_breaker_trips, 0);
        close(&pool).await;
        server.expect_no_session().await;
    }
}

/// The first count of a restarted server.
///
/// The client may not have noticed yet that one of its many connections is closed: a call on it has
/// an unknown outcome, although it never reached the server.
async fn first_count(client: &PooledClient) -> u64 {
    for _ in 0..50 {
        match call(client, "increment").await {
            Ok(count) => return count,
            Err(error) => assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}"),
        }
        notice_the_cut().await;
    }
    panic!("no connection to a server that is there");
}

/// Twenty concurrent calls of one user, each of which must return a count of this user alone.
async fn twenty_calls(pool: &SessionPool, endpoint: Endpoint, user: usize) {
    let request = request(endpoint, &format!("user-{user}"));
    let client = pool.client(request).await.expect("a client");
    let calls = (0..20).map(|_| call(&client, "increment"));
    let answers: Result<Vec<_>, _> = join_all(calls).await.into_iter().collect();
    let mut answers = answers.expect("counts");
    answers.sort_unstable();
    assert_eq!(answers, (1..=20).collect::<Vec<_>>(), "user {user}");
}

#[tokio::test]
async fn calls_to_a_server_without_sessions_run_concurrently_over_one_client() {
    let pause = Duration::from_millis(200);
    for modes in [stateless(), stateless().with_json()] {
        let server = CounterServer::start_as(modes);
        server.switches().delay_tools(pause);
        // The server answers no call before all of them have arrived.
        server.switches().gather(64);
        let pool = pool(PoolConfig::default());
        let client = client(&pool, &server, "alice").await;
        let began = Instant::now();
        for answer in join_all((0..64).map(|_| call(&client, "wait"))).await {
            answer.expect("a count");
        }
        println!(
            "64 calls of {pause:?}, connecting included: {:?}",
            began.elapsed()
        );
        assert_eq!(pool.stats().sessions_opened, 1);
        close(&pool).await;
        assert_eq!(server.count("server/discover"), 1);
        for method in ["initialize", "ping", "GET", "DELETE"] {
            assert_eq!(server.count(method), 0, "{method}");
        }
    }
}

#[tokio::test]
async fn calls_above_the_limit_of_a_key_wait() {
    let pause = Duration::from_millis(100);
    let server = CounterServer::start_as(stateless());
    server.switches().delay_tools(pause);
    let pool = pool(PoolConfig::default());
    let endpoint = server.endpoint();
    let endpoint = endpoint.with_max_concurrent_per_session(2.try_into().expect("not zero"));
    let client = pool
        .client(request(endpoint, "alice"))
        .await
        .expect("a client");
    let began = Instant::now();
    for answer in join_all((0..6).map(|_| call(&client, "wait"))).await {
        answer.expect("a count");
    }
    assert!(began.elapsed() >= pause * 3, "{:?}", began.elapsed());
    assert_eq!(
        (
            pool.stats().sessions_opened,
            server.count("server/discover")
        ),
        (1, 1)
    );
    close(&pool).await;
}

#[tokio::test]
async fn detecting_that_a_server_keeps_sessions_costs_one_request_once() {
    let server = CounterServer::start_as(legacy());
    let pool = pool(PoolConfig::default());
    let first = client(&pool, &server, "first").await;
    call(&first, "count").await.expect("a count");
    let methods: Vec<_> = server.seen().into_iter().map(|seen| seen.method).collect();
    let expected = [
        "server/discover",
        "initialize",
        "notifications/initialized",
        "tools/call",
    ];
    assert_eq!(methods, expected);
    for user in 0..100 {
        let client = client(&pool, &server, &format!("user-{user}")).await;
        call(&client, "count").await.expect("a count");
    }
    assert_eq!(server.count("server/discover"), 1);
    assert_eq!(server.count("initialize"), 101);
    close(&pool).await;
}

#[tokio::test]
async fn concurrent_callers_of_a_new_endpoint_detect_its_era_once() {
    for modes in [legacy(), stateless()] {
        let server = CounterServer::start_as(modes);
        let pool = pool(PoolConfig::default());
        let users: Vec<_> = (0..12).map(|user| format!("user-{user}")).collect();
        let calls = users.iter().map(async |user| {
            let client = client(&pool, &server, user).await;
            join_all((0..4).map(|_| call(&client, "count"))).await
        });
        for answer in join_all(calls).await.into_iter().flatten() {
            answer.expect("a count");
        }
        assert_eq!(server.count("server/discover"), 1, "{modes:?}");
        close(&pool).await;
        server.expect_no_session().await;
    }
}

#[tokio::test]
async fn a_configured_era_is_not_detected() {
    let server = CounterServer::start_as(Modes::default().of_both_eras());
    let pool = pool(PoolConfig::default());
    for (lifecycle, era, expected) in [
        (Lifecycle::Legacy, Era::Legacy, (0, 1)),
        (Lifecycle::Stateless, Era::Stateless, (1, 1)),
        // The era is known by now.
        (Lifecycle::Auto, Era::Stateless, (1, 1)),
    ] {
        let endpoint = server.endpoint().with_lifecycle(lifecycle);
        let lease = pool
            .acquire(&request(endpoint, "alice"))
            .await
            .expect("a session");
        assert_eq!(lease.info().era, era, "{lifecycle:?}");
        let counts = (server.count("server/discover"), server.count("initialize"));
        assert_eq!(counts, expected, "{lifecycle:?}");
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_detected_era_expires() {
    let server = CounterServer::start_as(legacy());
    let connector = StreamableHttpConnector::new().expect("an http client");
    let connector = connector.with_era_ttl(Duration::ZERO);
    let pool = pool_over(connector, PoolConfig::default());
    for user in ["alice", "bob"] {
        let client = client(&pool, &server, user).await;
        call(&client, "count").await.expect("a count");
    }
    assert_eq!(server.count("server/discover"), 2);
    close(&pool).await;
}

#[tokio::test]
async fn a_refused_credential_does_not_decide_the_era() {
    let server = CounterServer::start_as(Modes::default().of_both_eras());
    server.switches().accept_tokens(["alice-token"]);
    let pool = pool(PoolConfig::default());
    let stranger = request(server.endpoint(), "stranger");
    let error = pool.acquire(&stranger).await.expect_err("a refusal");
    assert_eq!(error.label(), "unauthorized");
    assert_eq!(server.count("initialize"), 0, "no second attempt");
    let alice = client(&pool, &server, "alice").await;
    call(&alice, "count").await.expect("a count");
    assert_eq!(server.count("initialize"), 0);
    close(&pool).await;
}

#[tokio::test]
async fn a_server_whose_era_cannot_be_detected_is_served_and_detected_again() {
    let server = CounterServer::start_as(Modes::default().of_both_eras());
    let config = PoolConfig::default().with_session_create_timeout(Duration::from_secs(8));
    let pool = pool(config);
    let unavailable = Refusal::new(StatusCode::SERVICE_UNAVAILABLE).of("server/discover");
    server.switches().refuse(unavailable);
    assert_eq!(era_of(&pool, &server, "alice").await, Era::Legacy);
    server.switches().serve();
    server.switches().hang("server/discover");
    assert_eq!(era_of(&pool, &server, "bob").await, Era::Legacy);
    server.switches().serve();
    assert_eq!(era_of(&pool, &server, "carol").await, Era::Stateless);
    close(&pool).await;
    server.expect_no_session().await;
}

async fn era_of(pool: &SessionPool, server: &CounterServer, user: &str) -> Era {
    let request = request(server.endpoint(), user);
    let lease = pool.acquire(&request).await.expect("a session");
    lease.info().era
}

#[tokio::test]
async fn a_busy_server_without_sessions_is_reported_as_busy() {
    let server = CounterServer::start_as(stateless());
    let unavailable = Refusal::new(StatusCode::SERVICE_UNAVAILABLE).of("server/discover");
    server.switches().refuse(unavailable);
    let pool = pool(PoolConfig::default());
    let alice = request(server.endpoint(), "alice");
    let error = pool.acquire(&alice).await.expect_err("busy");
    assert_eq!(error.label(), "server_error");
    close(&pool).await;
}

#[tokio::test]
async fn a_server_that_changes_its_era_costs_no_call_and_executes_none_twice() {
    for (before, after) in [(legacy(), stateless()), (stateless(), legacy())] {
        for scope in [Scope::Identity, Scope::conversation("c")] {
            let keeps_state = matches!(scope, Scope::Conversation(_)) && before.sessions;
            let mut server = CounterServer::start_as(before);
            let pool = pool(PoolConfig::default());
            let request = request(server.endpoint(), "alice").with_scope(scope);
            let client = pool.client(request).await.expect("a client");
            assert_eq!(call(&client, "increment").await.expect("a count"), 1);
            server.restart_as(after);
            notice_the_cut().await;
            let mut answer = call(&client, "increment").await;
            if keeps_state {
                assert!(matches!(answer, Err(CallError::SessionLost)), "{answer:?}");
                answer = call(&client, "increment").await;
            }
            assert_eq!(answer.expect("a count"), 1, "{before:?}");
            assert_eq!(call(&client, "increment").await.expect("a count"), 2);
            close(&pool).await;
            server.expect_no_session().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_while_half_of_the_servers_change_their_era() {
    const SERVERS: usize = 20;
    let modes = |number| match number % 2 {
        0 => legacy(),
        _ => stateless(),
    };
    let pool = pool(PoolConfig::default());
    let fleet: Vec<_> = (0..SERVERS)
        .map(|number| {
            let server = RwLock::new(CounterServer::start_as(modes(number)));
            (number, Arc::new(server))
        })
        .collect();
    let changed = watch::Sender::new(false);
    let mut callers = tokio::task::JoinSet::new();
    for (_, server) in &fleet {
        for user in ["alice", "bob"] {
            let endpoint = server.read().await.endpoint();
            let request = request(endpoint, user);
            let client = pool.client(request).await.expect("a client");
            call(&client, "increment").await.expect("a count");
            callers.spawn(keep_calling(
                client,
                Arc::clone(server),
                changed.subscribe(),
            ));
        }
    }
    for (number, server) in &fleet[..SERVERS / 2] {
        // The write lock waits for the calls in flight, and lets none begin meanwhile.
        let mut server = server.write().await;
        tokio::task::block_in_place(|| server.restart_as(modes(number + 1)));
        notice_the_cut().await;
    }
    changed.send_replace(true);
    let mut calls = 0;
    while let Some(made) = callers.join_next().await {
        calls += made.expect("no call is lost");
    }
    println!("{calls} calls");
    for (_, server) in &fleet[..SERVERS / 2] {
        let server = server.read().await;
        assert!(server.count("initialize") > 0 && server.count("server/discover") > 1);
    }
    assert_eq!(pool.stats().circuit_breaker_trips, 0);
    close(&pool).await;
}

/// Calls until half of the servers have changed, and a few times more.
async fn keep_calling(
    client: PooledClient,
    server: Arc<RwLock<CounterServer>>,
    changed: watch::Receiver<bool>,
) -> usize {
    let (mut calls, mut more) = (0, 5);
    while more > 0 {
        more -= usize::from(*changed.borrow());
        let running = server.read().await;
        let answer = call(&client, "increment").await;
        answer.unwrap_or_else(|error| panic!("{}, call {calls}: {error:?}", running.url()));
        calls += 1;
        drop(running);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    calls
}

#[tokio::test]
async fn a_session_whose_handshake_fails_is_closed() {
    let mut modes = stateless();
    modes.sessions = true;
    let server = CounterServer::start_as(modes);
    let pool = pool(PoolConfig::default());
    let endpoint = server.endpoint().with_lifecycle(Lifecycle::Legacy);
    let error = pool
        .acquire(&request(endpoint, "alice"))
        .await
        .expect_err("unsupported revision");
    assert_eq!(error.label(), "protocol");
    assert_eq!(server.sessions_opened(), 1, "though the handshake fails");
    server.expect_no_session().await;
    assert_eq!(server.sessions_closed(), 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_url_without_a_server_of_either_era_is_not_found() {
    let server = CounterServer::start();
    server
        .switches()
        .refuse(Refusal::new(StatusCode::NOT_FOUND));
    let pool = pool(PoolConfig::default());
    let alice = request(server.endpoint(), "alice");
    for _ in 0..2 {
        let error = pool.acquire(&alice).await.expect_err("not there");
        assert_eq!(error.label(), FaultKind::NotFound.label());
    }
    server.switches().serve();
    drop(pool.acquire(&alice).await.expect("a session"));
    close(&pool).await;
}
