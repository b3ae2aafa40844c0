//! How a doubtful session is checked, and what a failed check shows.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_pool_testkit::fake::{self, Behaviour, FakeConnector, Remote};
use mcp_session_pool::{
    PoolConfig, PooledClient, Scope, SessionPool, TransportKind,
    config::Probe,
    error::{AcquireError, CheckError, ConnectError, Evidence, FaultKind},
    extend::{ConnectRequest, Connector, ProbePlan, Session},
    stats::BreakerState,
};
use tokio::time::sleep;

use crate::common::{call, close, pool_over, request};

/// A connector whose checks come out as it is set, and that remembers their probes.
#[derive(Clone)]
struct Checking {
    fake: FakeConnector,
    chains: Arc<Mutex<Vec<Vec<Probe>>>>,
    outcome: Arc<Mutex<Result<(), CheckError>>>,
}

impl Checking {
    fn new() -> (Self, Remote) {
        let (fake, remote) = fake::connector();
        let connector = Self {
            fake,
            chains: Arc::default(),
            outcome: Arc::new(Mutex::new(Ok(()))),
        };
        (connector, remote)
    }

    fn fail(&self, error: CheckError) {
        *self.outcome.lock().expect("not poisoned") = Err(error);
    }

    fn chains(&self) -> Vec<Vec<Probe>> {
        self.chains.lock().expect("not poisoned").clone()
    }
}

#[async_trait::async_trait]
impl Connector for Checking {
    fn kind(&self) -> TransportKind {
        self.fake.kind()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        self.fake.connect(request).await
    }

    async fn check(&self, _: &Session, plan: &ProbePlan) -> Result<(), CheckError> {
        let mut chains = self.chains.lock().expect("not poisoned");
        chains.push(plan.chain().to_vec());
        *self.outcome.lock().expect("not poisoned")
    }
}

/// The end of a chain that takes a silent server's session for alive.
const LENIENT: [Probe; 2] = [Probe::Ping, Probe::Skip];
const STRICT: [Probe; 1] = [Probe::Ping];

fn config() -> PoolConfig {
    PoolConfig::default()
        .with_call_timeout(Duration::from_secs(2))
        .with_circuit_breaker_threshold(1)
        .with_health_check_methods(LENIENT.to_vec())
}

async fn client_of(pool: &SessionPool, scope: Scope) -> PooledClient {
    let request = request(fake::endpoint("a"), "alice").with_scope(scope);
    pool.client(request).await.expect("a client")
}

/// Leaves the session of the client in doubt: a call gets no answer in time.
async fn doubt(client: &PooledClient, remote: &Remote) {
    call(client, "count").await.expect("a count");
    remote.on_call(Behaviour::Never);
    call(client, "count").await.expect_err("too late");
    remote.on_call(Behaviour::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_doubtful_session_needs_an_answer_unless_the_state_of_a_conversation_would_be_lost() {
    let doubtful = [
        (Scope::Identity, STRICT.to_vec()),
        (Scope::conversation("c"), LENIENT.to_vec()),
    ];
    for (scope, chain) in doubtful {
        let (connector, remote) = Checking::new();
        let pool = pool_over(connector.clone(), config());
        let client = client_of(&pool, scope).await;
        doubt(&client, &remote).await;
        call(&client, "count").await.expect("a count");
        assert_eq!(connector.chains(), [chain]);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_doubt_is_checked_leniently() {
    let (connector, _remote) = Checking::new();
    let config = config().with_health_check_interval(Duration::ZERO);
    let pool = pool_over(connector.clone(), config);
    let client = client_of(&pool, Scope::Identity).await;
    for _ in 0..2 {
        call(&client, "count").await.expect("a count");
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(connector.chains().last(), Some(&LENIENT.to_vec()));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_check_that_reaches_no_server_opens_the_circuit_and_no_other_failed_check_does() {
    let unreached = |evidence| CheckError::Unreached {
        probe: "ping",
        evidence,
    };
    let failures = [
        (unreached(Evidence::Absent), BreakerState::Open),
        (unreached(Evidence::Here), BreakerState::Closed),
        (unreached(Evidence::None), BreakerState::Closed),
        (CheckError::Failed("ping"), BreakerState::Closed),
        (CheckError::Exhausted, BreakerState::Closed),
        (CheckError::Closed, BreakerState::Closed),
    ];
    for (failure, circuit) in failures {
        let (connector, remote) = Checking::new();
        let pool = pool_over(connector.clone(), config());
        let client = client_of(&pool, Scope::Identity).await;
        doubt(&client, &remote).await;
        connector.fail(failure);
        remote.on_connect(Behaviour::Never);
        let brief = client.with_timeout(Duration::from_millis(10));
        call(&brief, "count").await.expect_err("no session");
        let seen = pool.endpoint_stats()[0].breaker;
        assert_eq!(seen, circuit, "{failure:?}");
        remote.on_connect(Behaviour::Ok);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_whose_check_proves_nothing_keeps_its_session_and_learns_why_it_waits() {
    let failures = [
        (CheckError::Exhausted, FaultKind::Timeout),
        (
            CheckError::Unreached {
                probe: "ping",
                evidence: Evidence::None,
            },
            FaultKind::Unreachable,
        ),
    ];
    for (failure, kind) in failures {
        let (connector, remote) = Checking::new();
        let pool = pool_over(connector.clone(), config());
        let client = client_of(&pool, Scope::conversation("c")).await;
        doubt(&client, &remote).await;
        connector.fail(failure);
        let error = client.acquire().await.expect_err("not checked");
        let AcquireError::Connect(error) = &error else {
            panic!("{failure:?}: {error:?}");
        };
        assert_eq!(error.kind(), &kind);
        assert_eq!((remote.connects(), remote.open()), (1, 1), "{failure:?}");
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_waits_for_its_endpoint_to_return() {
    let (connector, remote) = Checking::new();
    let config = config()
        .with_circuit_breaker_patience(Duration::from_secs(3))
        .with_circuit_breaker_reset(Duration::from_secs(1));
    let pool = pool_over(connector.clone(), config);
    let client = client_of(&pool, Scope::Identity).await;
    doubt(&client, &remote).await;
    remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    let bob = request(fake::endpoint("a"), "bob");
    pool.acquire(&bob).await.expect_err("no server");
    assert_eq!(pool.endpoint_stats()[0].breaker, BreakerState::Open);
    // The check of her session is what shows that the server is there again.
    drop(client.acquire().await.expect("her session"));
    assert_eq!((connector.chains().len(), remote.connects()), (1, 2));
    assert_eq!(pool.endpoint_stats()[0].breaker, BreakerState::Closed);
    close(&pool).await;
}
