//! The transport of an address is detected once, and again when the server contradicts it.

use std::{pin::pin, time::Duration};

use futures::{FutureExt, future::join_all};
use mcp_pool_testkit::fake::{self, Behaviour, Remote};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, SessionPool, TransportKind,
    error::{AcquireError, Challenge, ConfigError, FaultKind, Stage},
    extend::Support,
};

use crate::common::{call, close, eventually, request};

/// A pool with two transports, `new` and `old`, and their remote controls.
fn two_transports(config: PoolConfig) -> (SessionPool, Remote, Remote) {
    let (new, new_remote) = fake::connector_of(kind("new"));
    let (old, old_remote) = fake::connector_of(kind("old"));
    let pool = SessionPool::builder()
        .config(config)
        .connector(new)
        .connector(old)
        .build()
        .expect("a valid configuration");
    (pool, new_remote, old_remote)
}

fn kind(name: &'static str) -> TransportKind {
    TransportKind::new(name)
}

fn auto(user: &str) -> AcquireRequest {
    let endpoint = Endpoint::auto("http://a.test/mcp").expect("a valid url");
    request(endpoint, user)
}

/// The upstream supports only `old`.
fn only_old_is_supported(new: &Remote, old: &Remote) {
    new.answer_detections(Support::Unsupported);
    old.answer_detections(Support::Supported);
    new.on_connect(Behaviour::Fail(FaultKind::Protocol));
    old.on_connect(Behaviour::Ok);
}

/// The upstream supports only `new`.
fn only_new_is_supported(new: &Remote, old: &Remote) {
    new.answer_detections(Support::Supported);
    old.answer_detections(Support::Unsupported);
    new.on_connect(Behaviour::Ok);
    old.on_connect(Behaviour::Fail(FaultKind::NotFound));
}

fn fault(error: &AcquireError) -> &FaultKind {
    match error {
        AcquireError::Connect(error) => error.kind(),
        other => panic!("not a failed connect: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_concurrent_callers_cause_one_detection_and_share_its_result() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_old_is_supported(&new, &old);
    old.on_detect(Behaviour::Slow(Duration::from_millis(50)));
    let users: Vec<_> = (0..100).map(|n| auto(&format!("user-{n}"))).collect();
    let leases = join_all(users.iter().map(|user| pool.acquire(user))).await;
    for lease in leases {
        assert_eq!(lease.unwrap().key().transport(), &kind("old"));
    }
    assert_eq!((new.detections(), old.detections()), (1, 1));
    assert_eq!(new.connects(), 0);
    // The same request, an equal one and that of another user cause no second detection.
    for request in [&users[0], &auto("user-0"), &auto("newcomer")] {
        let key = pool.resolve_key(request).await.unwrap();
        assert_eq!(key.transport(), &kind("old"));
        drop(pool.acquire(request).await.unwrap());
    }
    assert_eq!(new.detections(), 1);
    assert_eq!(pool.stats().hits, 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_detected_transport_and_a_named_transport_give_the_same_key() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_old_is_supported(&new, &old);
    let named = Endpoint::new("http://a.test/mcp", kind("old")).unwrap();
    let (found, named) = (auto("alice"), request(named, "alice"));
    drop(pool.acquire(&found).await.unwrap());
    drop(pool.acquire(&named).await.unwrap());
    assert_eq!(
        pool.resolve_key(&found).await.unwrap(),
        pool.resolve_key(&named).await.unwrap()
    );
    assert_eq!(old.connects(), 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_detection_goes_on_after_its_caller_left() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_old_is_supported(&new, &old);
    old.on_detect(Behaviour::Never);
    let alice = auto("alice");
    {
        let mut leaves = pin!(pool.acquire(&alice));
        assert!(leaves.as_mut().now_or_never().is_none());
        eventually("the second connector detects", || old.detections() == 1).await;
    }
    old.on_detect(Behaviour::Ok);
    let lease = pool.acquire(&auto("bob")).await.unwrap();
    assert_eq!(lease.key().transport(), &kind("old"));
    assert_eq!((new.detections(), old.detections()), (1, 1));
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn an_acquire_waits_for_a_detection_until_its_own_deadline() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_supported(&new, &old);
    new.on_detect(Behaviour::Never);
    let hurried = auto("alice").with_timeout(Duration::from_secs(1));
    let error = pool.acquire(&hurried).await.unwrap_err();
    assert!(
        matches!(
            error,
            AcquireError::Timeout {
                stage: Stage::Detect,
                ..
            }
        ),
        "{error:?}"
    );
    // The detection itself has the deadline of a connect.
    let error = pool.acquire(&auto("alice")).await.unwrap_err();
    assert_eq!(fault(&error), &FaultKind::Timeout);
    new.on_detect(Behaviour::Ok);
    drop(pool.acquire(&hurried).await.unwrap());
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn an_inconclusive_detection_is_an_error_and_is_repeated_next_time() {
    let faults = [
        FaultKind::Unauthorized(Challenge::default()),
        FaultKind::Forbidden(Challenge::default()),
        FaultKind::Unreachable,
        FaultKind::Server {
            status: 503,
            retry_after: None,
        },
    ];
    for expected in faults {
        let (pool, new, old) = two_transports(PoolConfig::default());
        only_new_is_supported(&new, &old);
        new.on_detect(Behaviour::Fail(expected.clone()));
        let error = pool.acquire(&auto("alice")).await.unwrap_err();
        assert_eq!(fault(&error), &expected);
        assert_eq!(
            old.detections(),
            0,
            "{expected:?} does not concern other transports"
        );
        new.on_detect(Behaviour::Ok);
        drop(pool.acquire(&auto("alice")).await.unwrap());
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_fails_only_its_own_callers() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_supported(&new, &old);
    new.on_detect(Behaviour::Never);
    let (alice, bob) = (auto("alice"), auto("bob"));
    let refused = [pool.acquire(&alice), pool.acquire(&alice)];
    let admitted = async {
        eventually("alice's is under way", || new.detections() == 1).await;
        let bobs = pool.acquire(&bob);
        let turn = async {
            tokio::task::yield_now().await;
            let refused = FaultKind::Unauthorized(Challenge::default());
            new.on_detect(Behaviour::Fail(refused));
            eventually("bob's is under way", || new.detections() == 2).await;
        };
        futures::join!(bobs, turn).0
    };
    // Bob's detection is refused as well: each caller gets the refusal of its own credentials.
    let (refused, admitted) = futures::join!(join_all(refused), admitted);
    for error in refused.iter().chain([&admitted]) {
        let error = error.as_ref().unwrap_err();
        assert!(matches!(fault(error), FaultKind::Unauthorized(_)));
    }
    assert_eq!(new.detections(), 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_transport_is_detected_again_within_the_same_acquire() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_supported(&new, &old);
    // Both are kept over every change.
    let alice = auto("alice");
    let client = pool.client(auto("bob")).await.unwrap();
    for turn in 1..=3 {
        only_old_is_supported(&new, &old);
        new.end_sessions();
        eventually("the sessions have left", || {
            pool.stats().total_sessions == 0
        })
        .await;
        let before = new.detections();
        for _ in 0..2 {
            let lease = pool.acquire(&alice).await.unwrap();
            assert_eq!(lease.key().transport(), &kind("old"), "turn {turn}");
        }
        assert_eq!(call(&client, "count").await.unwrap(), 1);
        assert_eq!(client.key().transport(), &kind("old"));
        assert_eq!(
            new.detections(),
            before + 1,
            "one contradiction, one detection"
        );

        only_new_is_supported(&new, &old);
        old.end_sessions();
        eventually("the sessions have left", || {
            pool.stats().total_sessions == 0
        })
        .await;
        assert_eq!(call(&client, "count").await.unwrap(), 1);
        assert_eq!(client.key().transport(), &kind("new"));
        let lease = pool.acquire(&alice).await.unwrap();
        assert_eq!(lease.key().transport(), &kind("new"), "turn {turn}");
        drop(lease);
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn many_callers_with_an_outdated_transport_cause_one_detection() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_supported(&new, &old);
    let users: Vec<_> = (0..20).map(|n| auto(&format!("user-{n}"))).collect();
    for user in &users {
        drop(pool.acquire(user).await.unwrap());
    }
    only_old_is_supported(&new, &old);
    new.end_sessions();
    eventually("the sessions have left", || {
        pool.stats().total_sessions == 0
    })
    .await;
    for lease in join_all(users.iter().map(|user| pool.acquire(user))).await {
        assert_eq!(lease.unwrap().key().transport(), &kind("old"));
    }
    assert_eq!(new.detections(), 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_protocol_error_of_the_detected_transport_causes_no_second_connect() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_supported(&new, &old);
    new.on_connect(Behaviour::Fail(FaultKind::Protocol));
    let error = pool.acquire(&auto("alice")).await.unwrap_err();
    assert_eq!(fault(&error), &FaultKind::Protocol);
    assert_eq!((new.connects(), new.detections()), (1, 2));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn only_a_failure_that_denies_the_transport_causes_a_detection() {
    let harmless = [
        FaultKind::Other,
        FaultKind::RateLimited { retry_after: None },
        FaultKind::Server {
            status: 500,
            retry_after: None,
        },
        FaultKind::Timeout,
    ];
    let denials = [FaultKind::NotFound, FaultKind::Protocol];
    let failures = harmless.map(|kind| (kind, 1)).into_iter();
    for (failure, detections) in failures.chain(denials.map(|kind| (kind, 2))) {
        let (pool, new, old) = two_transports(PoolConfig::default());
        only_new_is_supported(&new, &old);
        drop(pool.acquire(&auto("alice")).await.expect("a session"));
        new.on_connect(Behaviour::Fail(failure.clone()));
        pool.acquire(&auto("bob")).await.expect_err("no session");
        assert_eq!(new.detections(), detections, "{failure:?}");
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_detection_is_renewed_in_the_background() {
    let ttl = Duration::from_secs(60);
    let (pool, new, old) = two_transports(
        PoolConfig::default()
            .with_detected_transport_ttl(ttl)
            .with_session_ttl(ttl),
    );
    only_old_is_supported(&new, &old);
    let alice = auto("alice");
    drop(pool.acquire(&alice).await.unwrap());
    // The server adds the newer transport and keeps the older one.
    new.answer_detections(Support::Supported);
    new.on_connect(Behaviour::Ok);
    tokio::time::advance(ttl).await;
    new.on_detect(Behaviour::Never);
    let lease = pool.acquire(&alice).await.unwrap();
    assert_eq!(
        lease.key().transport(),
        &kind("old"),
        "no caller waits for the renewal"
    );
    drop(lease);
    eventually("the renewal begins", || new.detections() == 2).await;
    new.on_detect(Behaviour::Ok);
    eventually("the renewal has ended", || {
        let key = pool.resolve_key(&alice).now_or_never();
        key.is_some_and(|key| *key.unwrap().transport() == kind("new"))
    })
    .await;
    let lease = pool.acquire(&alice).await.unwrap();
    assert_eq!(lease.key().transport(), &kind("new"));
    assert_eq!(new.detections(), 2);
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn auto_needs_a_connector_that_can_detect() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    let error = pool.acquire(&auto("alice")).await.unwrap_err();
    assert!(
        matches!(&error, AcquireError::NoConnector(kind) if *kind == TransportKind::AUTO),
        "{error:?}"
    );
    assert_eq!((new.connects(), old.connects()), (0, 0));
}

#[tokio::test]
async fn a_connector_of_the_kind_auto_is_refused() {
    let (connector, _) = fake::connector_of(TransportKind::AUTO);
    let error = SessionPool::builder().connector(connector).build();
    assert_eq!(error.unwrap_err(), ConfigError::ReservedTransport);
}

#[tokio::test(start_paused = true)]
async fn an_address_without_a_known_transport_opens_no_circuit_since_its_server_answers() {
    let config = PoolConfig::default().with_circuit_breaker_threshold(2);
    let (pool, new, old) = two_transports(config);
    new.answer_detections(Support::Unsupported);
    old.answer_detections(Support::Unsupported);
    for _ in 0..3 {
        let error = pool.acquire(&auto("alice")).await.unwrap_err();
        assert_eq!(fault(&error), &FaultKind::Protocol);
    }
    assert_eq!(new.detections(), 3);
    assert_eq!(pool.stats().circuit_breaker_trips, 0);
}

#[tokio::test(start_paused = true)]
async fn closing_the_pool_fails_callers_that_wait_for_a_detection() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_supported(&new, &old);
    new.on_detect(Behaviour::Never);
    let alice = auto("alice");
    let closing = async {
        eventually("the detection begins", || new.detections() == 1).await;
        let report = pool.close(Duration::ZERO);
        let answer = async {
            tokio::task::yield_now().await;
            new.on_detect(Behaviour::Ok);
        };
        futures::join!(report, answer).0
    };
    let (acquired, report) = futures::join!(pool.acquire(&alice), closing);
    assert!(matches!(acquired.unwrap_err(), AcquireError::Closed));
    assert_eq!(report.turned_away, 1);
    assert!(report.complete);
}
