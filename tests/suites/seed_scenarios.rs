//! The twelve required behaviours of the pool, each over every transport with sessions.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::FutureExt;
use http::{HeaderMap, header};
use mcp_pool_testkit::{
    conformance::Counterpart,
    server::{CounterServer, Modes, Refusal},
};
use mcp_session_pool::{
    AcquireRequest, Endpoint, EvictMode, PoolBuilder, PoolConfig, Principal, Scope, Selector,
    SessionPool, SseConnector, StreamableHttpConnector, TransportKind,
    error::{AcquireError, ConnectError, ExtractError},
    extend::{ConnectRequest, Connector, EndpointProbe, Identity, IdentityExtractor, Session},
    stats::BreakerState,
};

use crate::common::{call, client, close, eventually, headers, request, turns_within};

/// A transport that the scenarios run over.
pub(crate) trait Setup {
    type Server: Counterpart + Send + Sync;

    fn server() -> Self::Server;
    fn connector() -> Arc<dyn Connector>;
}

pub(crate) struct StreamableHttp;

impl Setup for StreamableHttp {
    type Server = CounterServer;

    fn server() -> CounterServer {
        CounterServer::start()
    }

    fn connector() -> Arc<dyn Connector> {
        Arc::new(StreamableHttpConnector::new().expect("an http client"))
    }
}

pub(crate) struct Sse;

impl Setup for Sse {
    type Server = CounterServer;

    fn server() -> CounterServer {
        CounterServer::start_as(Modes::default().over_sse())
    }

    fn connector() -> Arc<dyn Connector> {
        Arc::new(SseConnector::new().expect("an http client"))
    }
}

/// Mounts scenarios over a transport.
macro_rules! over {
    ($module:ident, $Setup:ty; $($scenario:ident)*) => {
        mod $module {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario::<$Setup>().await;
            })*
        }
    };
}
pub(crate) use over;

/// Mounts all scenarios of one transport over it.
macro_rules! scenarios {
    ($module:ident, $Setup:ty) => {
        over! { $module, $Setup;
            rotating_tokens_same_user_identity
            identity_extractor_failure_falls_back_safely
            idle_pool_key_evicted
            stale_sessions_reaped_via_metrics
            explicit_health_rpc_default_off
            explicit_health_rpc_toggle_behavior
            metrics_reflect_pool_behavior
            circuit_breaker_metrics
            pool_hit_faster_than_miss
            callers_that_differ_in_any_identity_header_have_separate_sessions
            header_case_and_order_do_not_matter
            a_hundred_users_with_ten_calls_each_see_only_their_own_counts
            two_conversations_of_one_user_on_a_stateful_server
        }
    };
}

scenarios! { sse, super::Sse }
scenarios! { streamable_http, super::StreamableHttp }

async fn rotating_tokens_same_user_identity<S: Setup>() {
    let server = S::server();
    let pool = with::<S>(PoolConfig::default())
        .extractor(UserOfToken)
        .build()
        .expect("a pool");
    let of = |token| {
        AcquireRequest::new(server.endpoint(), Principal::anonymous())
            .with_headers(headers(&[("authorization", token)]))
    };
    let first = of("Bearer jwt-123-abc123");
    let rotated = of("Bearer jwt-123-xyz789");
    let other = of("Bearer jwt-456-abc123");
    let key = pool.resolve_key(&first).await.expect("a key");
    assert_eq!(pool.resolve_key(&rotated).await.expect("a key"), key);
    assert_ne!(pool.resolve_key(&other).await.expect("a key"), key);
    assert!(!key.identity().is_anonymous());
    drop(pool.acquire(&first).await.expect("a session"));
    drop(pool.acquire(&rotated).await.expect("a session"));
    assert_eq!(server.open_sessions(), 1);
    drop(pool.acquire(&other).await.expect("a session"));
    assert_eq!(server.open_sessions(), 2);
    close(&pool).await;
}

async fn identity_extractor_failure_falls_back_safely<S: Setup>() {
    let server = S::server();
    let pool = with::<S>(PoolConfig::default())
        .extractor(Broken)
        .build()
        .expect("a pool");
    let alice = request(server.endpoint(), "alice");
    let bob = request(server.endpoint(), "bob");
    let key = pool.resolve_key(&alice).await.expect("a key");
    assert!(!key.identity().is_anonymous());
    assert_ne!(
        key.identity(),
        pool.resolve_key(&bob).await.expect("a key").identity()
    );
    drop(pool.acquire(&alice).await.expect("a session all the same"));
    assert!(pool.stats().extract_failures >= 2);
    close(&pool).await;
}

#[tokio::test]
async fn same_url_identity_different_transport_separate_pools() {
    let server = CounterServer::start_as(Modes::default().over_both());
    let pool = SessionPool::builder()
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .connector(SseConnector::new().expect("an http client"))
        .build()
        .expect("a pool");
    let url = server.url();
    let over = |endpoint| request(endpoint, "alice");
    let http = over(Endpoint::streamable_http(&url).expect("a url"));
    let sse = over(Endpoint::sse(&url).expect("a url"));
    let (one, other) = (pool.resolve_key(&http).await, pool.resolve_key(&sse).await);
    let (one, other) = (one.expect("a key"), other.expect("a key"));
    assert_ne!(one, other);
    assert_eq!(one.endpoint().url(), other.endpoint().url());
    assert_eq!(one.identity(), other.identity());
    assert_eq!(one.transport().to_string(), "streamablehttp");
    assert_eq!(other.transport().to_string(), "sse");
    drop(pool.acquire(&http).await.expect("a session"));
    drop(pool.acquire(&sse).await.expect("a session"));
    assert_eq!(pool.stats().pool_key_count, 2);
    assert_eq!(server.open_sessions().len(), 2);
    close(&pool).await;
    eventually("both are closed", || server.open_sessions().is_empty()).await;
}

async fn idle_pool_key_evicted<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(PoolConfig::default().with_idle_pool_eviction(Duration::from_millis(50)));
    let lease = pool.acquire(&request(server.endpoint(), "alice")).await;
    assert_eq!(pool.stats().pool_key_count, 1);
    drop(lease.expect("a session"));
    eventually("the key is gone", || pool.stats().pool_key_count == 0).await;
    assert_eq!(pool.stats().pool_keys_evicted, 1);
    eventually("its session is closed", || server.open_sessions() == 0).await;
    close(&pool).await;
}

async fn stale_sessions_reaped_via_metrics<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(PoolConfig::default().with_session_ttl(Duration::from_millis(10)));
    drop(
        pool.acquire(&request(server.endpoint(), "alice"))
            .await
            .expect("a session"),
    );
    eventually("it is reaped", || pool.stats().sessions_reaped == 1).await;
    eventually("it is closed", || server.open_sessions() == 0).await;
    assert_eq!(pool.stats().pool_key_count, 1, "the key stays");
    close(&pool).await;
}

async fn explicit_health_rpc_default_off<S: Setup>() {
    assert!(!PoolConfig::default().health.explicit_health_rpc);
    assert_eq!(
        PoolConfig::default().health.health_check_timeout,
        Duration::from_secs(5)
    );
    assert!(
        !build::<S>(PoolConfig::default())
            .config()
            .health
            .explicit_health_rpc
    );
}

async fn explicit_health_rpc_toggle_behavior<S: Setup>() {
    let server = S::server();
    for (explicit, probes) in [(false, 0), (true, 1)] {
        let pool = build::<S>(PoolConfig::default().with_explicit_health_rpc(explicit));
        let alice = request(server.endpoint(), "alice");
        pool.check_endpoint(&alice).await.expect("a healthy server");
        assert_eq!(count(&server, "tools/list"), probes);
        close(&pool).await;
    }
    let pool = build::<S>(
        PoolConfig::default()
            .with_explicit_health_rpc(true)
            .with_health_check_timeout(Duration::from_millis(50)),
    );
    server.switches().hang("tools/list");
    let alice = request(server.endpoint(), "alice");
    let checked = tokio::select! {
        biased;
        checked = pool.check_endpoint(&alice) => checked,
        // The default would be a hundred times as long.
        () = turns_within(Duration::from_millis(50) * 50) => panic!("the default holds"),
    };
    checked.expect_err("a server that does not answer");
    server.switches().serve();
    close(&pool).await;
}

async fn metrics_reflect_pool_behavior<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(PoolConfig::default());
    let seen = || {
        let stats = pool.stats();
        (stats.hits, stats.misses)
    };
    assert_eq!(seen(), (0, 0));
    let (one, two) = (
        request(server.endpoint(), "user1"),
        request(server.endpoint(), "user2"),
    );
    drop(pool.acquire(&one).await.expect("a session"));
    assert_eq!(seen(), (0, 1));
    drop(pool.acquire(&one).await.expect("a session"));
    assert_eq!(seen(), (1, 1));
    drop(pool.acquire(&two).await.expect("a session"));
    assert_eq!(seen(), (1, 2));
    let stats = pool.stats();
    assert_eq!(stats.pool_key_count, 2);
    assert!((stats.hit_rate - 1.0 / 3.0).abs() < 1e-9);
    close(&pool).await;
}

async fn circuit_breaker_metrics<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(
        PoolConfig::default()
            .with_circuit_breaker_patience(Duration::ZERO)
            .with_circuit_breaker_threshold(2)
            .with_circuit_breaker_reset(Duration::from_secs(3)),
    );
    let alice = request(server.endpoint(), "alice");
    let unavailable = Refusal::new(http::StatusCode::SERVICE_UNAVAILABLE);
    server.switches().refuse(unavailable);
    for _ in 0..2 {
        let error = pool.acquire(&alice).await.expect_err("a refusal");
        assert!(matches!(error, AcquireError::Connect(_)), "{error}");
    }
    let stats = pool.stats();
    assert_eq!(stats.circuit_breaker_trips, 1);
    let row = stats.circuit_breakers.values().next().expect("a row");
    assert_eq!((row.failures, row.state), (2, BreakerState::Open));
    assert!(row.open_until.is_some());
    let before = server.requests().len();
    let error = pool.acquire(&alice).await.expect_err("an open circuit");
    assert!(matches!(error, AcquireError::CircuitOpen { .. }), "{error}");
    let requests = server.requests();
    let sent = requests[before..]
        .iter()
        .filter(|seen| seen.method != "OPTIONS");
    assert_eq!(sent.count(), 0, "nothing but a probe was sent");
    server.switches().serve();
    tokio::time::sleep(Duration::from_millis(3_050)).await;
    drop(pool.acquire(&alice).await.expect("an attempt is admitted"));
    close(&pool).await;
}

/// A miss waits for its server, and a hit for nothing: it is there at the first poll.
async fn pool_hit_faster_than_miss<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(PoolConfig::default());
    let alice = request(server.endpoint(), "alice");
    let mut miss = std::pin::pin!(pool.acquire(&alice));
    assert!(futures::poll!(&mut miss).is_pending(), "it has to connect");
    drop(miss.await.expect("a session"));
    let requests = server.requests().len();
    for _ in 0..21 {
        let hit = pool.acquire(&alice).now_or_never();
        drop(hit.expect("it waits for nothing").expect("a session"));
    }
    assert_eq!(server.requests().len(), requests);
    assert_eq!(server.open_sessions(), 1);
    close(&pool).await;
}

async fn callers_that_differ_in_any_identity_header_have_separate_sessions<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(PoolConfig::default());
    let names = [
        "authorization",
        "x-tenant-id",
        "x-user-id",
        "x-api-key",
        "cookie",
    ];
    let mut sessions = 0;
    for name in names {
        for value in ["one", "two"] {
            let request = AcquireRequest::new(server.endpoint(), Principal::anonymous())
                .with_headers(headers(&[(name, value)]));
            for count in 1..=2 {
                let client = pool.client(request.clone()).await.expect("a client");
                assert_eq!(call(&client, "increment").await.expect("a count"), count);
            }
            sessions += 1;
            assert_eq!(server.open_sessions(), sessions, "{name}: {value}");
        }
    }
    close(&pool).await;
}

async fn header_case_and_order_do_not_matter<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(PoolConfig::default());
    for (count, pairs) in [
        [("X-User-Id", "alice"), ("X-Tenant-Id", "acme")],
        [("x-tenant-id", "acme"), ("x-user-id", "alice")],
        [("X-TENANT-ID", "acme"), ("X-USER-ID", "alice")],
    ]
    .into_iter()
    .enumerate()
    {
        let request = AcquireRequest::new(server.endpoint(), Principal::anonymous())
            .with_headers(headers(&pairs));
        let client = pool.client(request).await.expect("a client");
        let seen = call(&client, "increment").await.expect("a count");
        assert_eq!(seen, count as u64 + 1);
    }
    assert_eq!(server.open_sessions(), 1);
    close(&pool).await;
}

async fn a_hundred_users_with_ten_calls_each_see_only_their_own_counts<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(PoolConfig::default().with_max_sessions_per_key(1));
    let users = (0..100).map(|user| {
        let (pool, server) = (&pool, &server);
        async move {
            let client = client(pool, server, &format!("user-{user}")).await;
            let calls = (0..10).map(|_| call(&client, "increment"));
            let counts: Result<BTreeSet<_>, _> =
                futures::future::join_all(calls).await.into_iter().collect();
            // One session a user, so that the counts of a user are each number once.
            assert_eq!(counts.expect("counts"), (1..=10).collect());
        }
    });
    futures::future::join_all(users).await;
    assert_eq!(server.open_sessions(), 100);
    close(&pool).await;
    eventually("every session is closed", || server.open_sessions() == 0).await;
}

async fn two_conversations_of_one_user_on_a_stateful_server<S: Setup>() {
    let server = S::server();
    let pool = build::<S>(PoolConfig::default());
    let of = |conversation: &str| {
        request(server.endpoint(), "alice").with_scope(Scope::conversation(conversation))
    };
    let one = pool.client(of("one")).await.expect("a client");
    let two = pool.client(of("two")).await.expect("a client");
    for count in 1..=3 {
        assert_eq!(call(&one, "increment").await.expect("a count"), count);
    }
    assert_eq!(call(&two, "increment").await.expect("a count"), 1);
    assert_eq!(server.open_sessions(), 2);
    assert_eq!(
        pool.evict(&Selector::conversation("one"), EvictMode::Graceful)
            .closing,
        1
    );
    eventually("its session is closed", || server.open_sessions() == 1).await;
    assert_eq!(call(&two, "increment").await.expect("a count"), 2);
    assert_eq!(call(&one, "count").await.expect("a fresh session"), 0);
    close(&pool).await;
}

/// `Bearer jwt-123-abc` is user 123.
struct UserOfToken;

#[async_trait]
impl IdentityExtractor for UserOfToken {
    async fn extract(&self, headers: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
        let token = headers.get(header::AUTHORIZATION);
        let user = token
            .and_then(|token| token.to_str().ok())
            .and_then(|token| token.strip_prefix("Bearer jwt-"))
            .and_then(|token| token.split('-').next());
        Ok(user.map(|user| Identity::from_parts("test", [format!("user-{user}")])))
    }
}

struct Broken;

#[async_trait]
impl IdentityExtractor for Broken {
    async fn extract(&self, _headers: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
        Err(ExtractError::unavailable("no keys"))
    }
}

/// A connector under another name.
pub(crate) struct Renamed<C>(pub(crate) C, pub(crate) TransportKind);

#[async_trait]
impl<C: std::ops::Deref<Target: Connector> + Send + Sync> Connector for Renamed<C> {
    fn kind(&self) -> TransportKind {
        self.1.clone()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        self.0.connect(request).await
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe> {
        self.0.probe(endpoint)
    }
}

pub(crate) fn with<S: Setup>(config: PoolConfig) -> PoolBuilder {
    let connector = S::connector();
    let kind = connector.kind();
    SessionPool::builder()
        .config(config)
        .connector(Renamed(connector, kind))
}

fn build<S: Setup>(config: PoolConfig) -> SessionPool {
    with::<S>(config).build().expect("a valid configuration")
}

fn count(server: &impl Counterpart, method: &str) -> usize {
    let seen = server.requests();
    seen.iter().filter(|seen| seen.method == method).count()
}
