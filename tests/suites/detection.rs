//! The transport of an address is found out once, and again when the server denies it.

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

/// The upstream speaks only `old`.
fn only_old_is_spoken(new: &Remote, old: &Remote) {
    new.answer_detections(Support::Unsupported);
    old.answer_detections(Support::Supported);
    new.on_connect(Behaviour::Fail(FaultKind::Protocol));
    old.on_connect(Behaviour::Ok);
}

/// The upstream speaks only `new`.
fn only_new_is_spoken(new: &Remote, old: &Remote) {
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
async fn a_hundred_callers_at_once_cause_one_detection_and_their_keys_have_what_was_found() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_old_is_spoken(&new, &old);
    old.on_detect(Behaviour::Slow(Duration::from_millis(50)));
    let users: Vec<_> = (0..100).map(|n| auto(&format!("user-{n}"))).collect();
    let leases = join_all(users.iter().map(|user| pool.acquire(user))).await;
    for lease in leases {
        assert_eq!(lease.unwrap().key().transport(), &kind("old"));
    }
    assert_eq!((new.detections(), old.detections()), (1, 1));
    assert_eq!(new.connects(), 0);
    // A request that was there, an equal one and another user's: nobody asks again.
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
async fn a_key_that_was_found_is_the_key_of_who_named_the_transport() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_old_is_spoken(&new, &old);
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
async fn a_caller_who_leaves_wastes_no_detection() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_old_is_spoken(&new, &old);
    old.on_detect(Behaviour::Never);
    let alice = auto("alice");
    {
        let mut leaves = pin!(pool.acquire(&alice));
        assert!(leaves.as_mut().now_or_never().is_none());
        eventually("the second is asked", || old.detections() == 1).await;
    }
    old.on_detect(Behaviour::Ok);
    let lease = pool.acquire(&auto("bob")).await.unwrap();
    assert_eq!(lease.key().transport(), &kind("old"));
    assert_eq!((new.detections(), old.detections()), (1, 1));
    drop(lease);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_detection_is_waited_for_no_longer_than_the_acquire_may_take() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_spoken(&new, &old);
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
    // The detection itself ends as late as a connect would.
    let error = pool.acquire(&auto("alice")).await.unwrap_err();
    assert_eq!(fault(&error), &FaultKind::Timeout);
    new.on_detect(Behaviour::Ok);
    drop(pool.acquire(&hurried).await.unwrap());
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_neither_yes_nor_no_is_surfaced_and_asked_again() {
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
        only_new_is_spoken(&new, &old);
        new.on_detect(Behaviour::Fail(expected.clone()));
        let error = pool.acquire(&auto("alice")).await.unwrap_err();
        assert_eq!(fault(&error), &expected);
        assert_eq!(old.detections(), 0, "{expected:?} says nothing of others");
        new.on_detect(Behaviour::Ok);
        drop(pool.acquire(&auto("alice")).await.unwrap());
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_fails_only_those_who_sent_it() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_spoken(&new, &old);
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
    // Bob's own question is refused as well: he hears of his own refusal, and alice of hers.
    let (refused, admitted) = futures::join!(join_all(refused), admitted);
    for error in refused.iter().chain([&admitted]) {
        let error = error.as_ref().unwrap_err();
        assert!(matches!(fault(error), FaultKind::Unauthorized(_)));
    }
    assert_eq!(new.detections(), 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_changes_its_transport_is_asked_again_within_the_same_acquire() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_spoken(&new, &old);
    // Kept by their owners over every change.
    let alice = auto("alice");
    let client = pool.client(auto("bob")).await.unwrap();
    for turn in 1..=3 {
        only_old_is_spoken(&new, &old);
        new.end_sessions();
        eventually("the sessions have left", || {
            pool.stats().total_sessions == 0
        })
        .await;
        let asked = new.detections();
        for _ in 0..2 {
            let lease = pool.acquire(&alice).await.unwrap();
            assert_eq!(lease.key().transport(), &kind("old"), "turn {turn}");
        }
        assert_eq!(call(&client, "count").await.unwrap(), 1);
        assert_eq!(client.key().transport(), &kind("old"));
        assert_eq!(
            new.detections(),
            asked + 1,
            "one contradiction, one detection"
        );

        only_new_is_spoken(&new, &old);
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
async fn many_callers_who_meet_the_same_contradiction_cause_one_detection() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_spoken(&new, &old);
    let users: Vec<_> = (0..20).map(|n| auto(&format!("user-{n}"))).collect();
    for user in &users {
        drop(pool.acquire(user).await.unwrap());
    }
    only_old_is_spoken(&new, &old);
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
async fn a_server_that_speaks_a_transport_badly_is_no_reason_to_connect_twice() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_spoken(&new, &old);
    new.on_connect(Behaviour::Fail(FaultKind::Protocol));
    let error = pool.acquire(&auto("alice")).await.unwrap_err();
    assert_eq!(fault(&error), &FaultKind::Protocol);
    assert_eq!((new.connects(), new.detections()), (1, 2));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_verdict_ages_in_the_background_and_what_is_found_then_counts() {
    let ttl = Duration::from_secs(60);
    let (pool, new, old) = two_transports(
        PoolConfig::default()
            .with_detected_transport_ttl(ttl)
            .with_session_ttl(ttl),
    );
    only_old_is_spoken(&new, &old);
    let alice = auto("alice");
    drop(pool.acquire(&alice).await.unwrap());
    // The server learns the newer transport and keeps the older one.
    new.answer_detections(Support::Supported);
    new.on_connect(Behaviour::Ok);
    tokio::time::advance(ttl).await;
    new.on_detect(Behaviour::Never);
    let lease = pool.acquire(&alice).await.unwrap();
    assert_eq!(lease.key().transport(), &kind("old"), "nobody waits for it");
    drop(lease);
    eventually("it is asked again", || new.detections() == 2).await;
    new.on_detect(Behaviour::Ok);
    eventually("it has answered", || {
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
async fn without_a_connector_that_can_tell_auto_is_a_transport_that_nobody_speaks() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    let error = pool.acquire(&auto("alice")).await.unwrap_err();
    assert!(
        matches!(&error, AcquireError::NoConnector(kind) if *kind == TransportKind::AUTO),
        "{error:?}"
    );
    assert_eq!((new.connects(), old.connects()), (0, 0));
}

#[tokio::test]
async fn no_connector_may_pass_for_whichever_transport_is_spoken() {
    let (connector, _) = fake::connector_of(TransportKind::AUTO);
    let error = SessionPool::builder().connector(connector).build();
    assert_eq!(error.unwrap_err(), ConfigError::ReservedTransport);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_speaks_nothing_opens_the_circuit_like_one_that_cannot_be_reached() {
    let config = PoolConfig::default().with_circuit_breaker_threshold(2);
    let (pool, new, old) = two_transports(config);
    new.answer_detections(Support::Unsupported);
    old.answer_detections(Support::Unsupported);
    for _ in 0..2 {
        let error = pool.acquire(&auto("alice")).await.unwrap_err();
        assert_eq!(fault(&error), &FaultKind::Protocol);
    }
    let error = pool.acquire(&auto("alice")).await.unwrap_err();
    assert!(
        matches!(error, AcquireError::CircuitOpen { .. }),
        "{error:?}"
    );
    assert_eq!(new.detections(), 2);
    assert_eq!(pool.stats().circuit_breaker_trips, 1);
}

#[tokio::test(start_paused = true)]
async fn closing_the_pool_turns_away_who_waits_for_a_detection() {
    let (pool, new, old) = two_transports(PoolConfig::default());
    only_new_is_spoken(&new, &old);
    new.on_detect(Behaviour::Never);
    let alice = auto("alice");
    let closing = async {
        eventually("it is asked", || new.detections() == 1).await;
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
