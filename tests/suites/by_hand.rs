//! Sessions used by hand: without waiting, within a closure, with hooks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mcp_pool_testkit::{
    fake::{self, Behaviour},
    server::CounterServer,
};
use mcp_session_pool::{
    EvictMode, PoolBuilder, PoolConfig, PoolKey, Principal, Selector, SessionPool,
    error::{AcquireError, ConnectError, FaultKind, SessionCondition},
    event::{CloseReason, Closed},
    extend::{Hooks, Observer, Session, SessionInfo},
    rmcp::service::ServiceError,
};

use crate::common::{call, client, close, eventually, pool, request};

fn faked() -> (PoolBuilder, fake::Remote) {
    let (connector, remote) = fake::connector();
    (SessionPool::builder().connector(connector), remote)
}

#[tokio::test]
async fn a_session_is_tried_for_without_waiting_or_connecting() {
    let (pool, remote) = faked();
    let pool = pool.build().expect("a pool");
    let alice = request(fake::endpoint("a"), "alice");
    assert!(pool.try_acquire(&alice).is_none(), "the key is not known");
    pool.resolve_key(&alice).await.expect("a key");
    assert!(pool.try_acquire(&alice).is_none(), "no session is open");
    assert_eq!(remote.connects(), 0);
    drop(pool.acquire(&alice).await.expect("a session"));
    let lease = pool.try_acquire(&alice).expect("an idle session");
    assert!(!lease.is_fresh());
    assert!(pool.try_acquire(&alice).is_none(), "it is in use");
    drop(lease);
    let client = pool.client(alice).await.expect("a client");
    assert!(client.try_acquire().is_some());
    close(&pool).await;
    assert!(client.try_acquire().is_none(), "the pool is closed");
    assert!(pool.is_closed() && pool.status().closed);
}

#[tokio::test]
async fn a_session_is_released_after_the_closure_that_uses_it() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default().with_max_sessions_per_key(1));
    let alice = request(server.endpoint(), "alice");
    for _ in 0..3 {
        let tools = pool.with_session(&alice, async |peer| peer.list_all_tools().await);
        let tools = tools.await.expect("a session").expect("tools");
        assert!(!tools.is_empty());
    }
    assert_eq!(server.open_sessions().len(), 1);
    assert_eq!(pool.status().sessions, 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_lease_classifies_an_error_as_a_client_does() {
    let mut server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let alice = request(server.endpoint(), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    server.stop();
    let peer = lease.peer().await.expect("a peer");
    let error = peer.list_all_tools().await.expect_err("no server");
    let failure = lease.classify(&error);
    assert_eq!(*failure.kind(), FaultKind::Unreachable);
    assert_eq!(failure.session(), SessionCondition::Suspect);
    let closed = lease.classify(&ServiceError::TransportClosed);
    assert!(!closed.is_session_usable());
    lease.discard();
    server.restart();
    close(&pool).await;
}

/// Counts its calls, and refuses where it is set to.
#[derive(Default)]
struct Counted {
    connected: AtomicUsize,
    refuse_connect: AtomicBool,
    refuse_acquire: AtomicBool,
    refuse_release: AtomicBool,
}

/// What a hook attaches to a session.
#[derive(Debug, PartialEq)]
struct Number(usize);

#[async_trait]
impl Hooks for Counted {
    async fn after_connect(&self, _key: &PoolKey, session: &Session) -> Result<(), ConnectError> {
        let number = self.connected.fetch_add(1, Ordering::Relaxed) + 1;
        session.info().metadata.insert(Number(number));
        match self.refuse_connect.load(Ordering::Relaxed) {
            true => Err(ConnectError::new(FaultKind::Protocol)),
            false => Ok(()),
        }
    }

    fn before_acquire(&self, _key: &PoolKey, _session: &SessionInfo) -> bool {
        !self.refuse_acquire.swap(false, Ordering::Relaxed)
    }

    fn after_release(&self, _key: &PoolKey, _session: &SessionInfo) -> bool {
        !self.refuse_release.swap(false, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn hooks_attach_values_to_sessions_and_refuse_them() {
    let (pool, remote) = faked();
    let hooks = Arc::new(Counted::default());
    let pool = pool.hooks(Arc::clone(&hooks)).build().expect("a pool");
    let alice = request(fake::endpoint("a"), "alice");
    let number = async || {
        let lease = pool.acquire(&alice).await.expect("a session");
        lease.info().metadata.get::<Number>().expect("a number").0
    };
    assert_eq!(number().await, 1);
    assert_eq!(number().await, 1, "the values stay with the session");
    hooks.refuse_acquire.store(true, Ordering::Relaxed);
    assert_eq!(number().await, 2, "a refused session is replaced");
    hooks.refuse_release.store(true, Ordering::Relaxed);
    assert_eq!(number().await, 2);
    assert_eq!(
        number().await,
        3,
        "a session refused at its release is closed"
    );
    hooks.refuse_connect.store(true, Ordering::Relaxed);
    pool.drain();
    let error = pool.acquire(&alice).await.expect_err("refused");
    assert!(matches!(error, AcquireError::Connect(_)), "{error:?}");
    eventually("every refused session is closed", || remote.open() == 0).await;
    close(&pool).await;
}

/// Refuses every session before its lease.
struct RefuseAll;

impl Hooks for RefuseAll {
    fn before_acquire(&self, _key: &PoolKey, _session: &SessionInfo) -> bool {
        false
    }
}

#[tokio::test]
async fn a_hook_that_refuses_every_session_costs_one_connect_for_each_acquire() {
    let (pool, remote) = faked();
    let pool = pool.hooks(RefuseAll).build().expect("a pool");
    let alice = request(fake::endpoint("a"), "alice");
    for connects in 1..=3 {
        drop(pool.acquire(&alice).await.expect("a session"));
        assert_eq!(remote.connects(), connects);
    }
    close(&pool).await;
}

#[tokio::test]
async fn an_eviction_selects_by_each_part_of_a_key_and_no_other() {
    let (pool, remote) = faked();
    let pool = pool.build().expect("a pool");
    let (a, b) = (fake::endpoint("a"), fake::endpoint("b"));
    let alice = request(a.clone(), "alice");
    let bob = request(a.clone().with_gateway("g"), "bob");
    let carol = request(b.clone(), "carol");
    let dave = request(b.clone(), "dave").with_scope(mcp_session_pool::Scope::conversation("c"));
    let identity = pool.resolve_key(&carol).await.expect("a key");
    let identity = identity.identity().clone();
    for (selector, closing) in [
        (Selector::principal(&Principal::user("alice")), 1),
        (Selector::principal(&Principal::user("eve")), 0),
        (Selector::gateway("g"), 1),
        (Selector::identity(&identity), 1),
        (Selector::conversation("c"), 1),
        (Selector::endpoint(&a), 1),
        (Selector::endpoint(&b), 2),
        (Selector::All, 4),
    ] {
        for request in [&alice, &bob, &carol, &dave] {
            drop(pool.acquire(request).await.expect("a session"));
        }
        let report = pool.evict(&selector, EvictMode::Graceful);
        assert_eq!(
            (report.closing, report.keys),
            (closing, closing),
            "{selector:?}"
        );
        eventually("they are closed", || remote.open() == 4 - closing).await;
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_forced_eviction_closes_a_session_in_use_and_a_graceful_one_does_not() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let alice = request(server.endpoint(), "alice");
    for (mode, open) in [(EvictMode::Graceful, 1), (EvictMode::Force, 0)] {
        let lease = pool.acquire(&alice).await.expect("a session");
        let report = pool.evict(&Selector::All, mode);
        assert_eq!((report.in_use, report.closing), (1, 0), "{mode:?}");
        if open == 0 {
            eventually("it is closed", || server.open_sessions().is_empty()).await;
        }
        assert_eq!(server.open_sessions().len(), open, "{mode:?}");
        let tools = match lease.peer().await {
            Ok(peer) => peer.list_all_tools().await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(tools, open == 1);
        drop(lease);
        eventually("it is closed", || server.open_sessions().is_empty()).await;
    }
    let fresh = client(&pool, &server, "alice").await;
    assert_eq!(call(&fresh, "increment").await.expect("a count"), 1);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_closes_sessions_with_the_limits_and_events_of_the_pool() {
    const SESSIONS: usize = 600;
    let (pool, remote) = faked();
    let closed = Arc::new(AtomicUsize::new(0));
    let observer = ClosedSessions(Arc::clone(&closed));
    let timeout = Duration::from_secs(7);
    let config = PoolConfig::default().with_close_timeout(timeout);
    let pool = pool
        .config(config)
        .observer(observer)
        .build()
        .expect("a pool");
    for user in 0..SESSIONS {
        let request = request(fake::endpoint("a"), &user.to_string());
        drop(pool.acquire(&request).await.expect("a session"));
    }
    remote.on_close(Behaviour::Never);
    drop(pool);
    let mut closings = Vec::new();
    for step in 1..=3_u32 {
        tokio::time::sleep(timeout - Duration::from_millis(1)).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        closings.push((step, closed.load(Ordering::Relaxed)));
    }
    // 512 at a time at the end of a pool, each until the configured time limit.
    assert_eq!(closings, [(1, 512), (2, SESSIONS), (3, SESSIONS)]);
}

/// Counts closed sessions whose closing timed out.
struct ClosedSessions(Arc<AtomicUsize>);

impl Observer for ClosedSessions {
    fn closed(&self, event: &Closed<'_>) {
        assert_eq!(event.outcome().as_str(), "timed_out");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts how often a session was offered.
#[derive(Default)]
struct Offered(AtomicUsize);

impl Hooks for Offered {
    fn before_acquire(&self, _key: &PoolKey, _session: &SessionInfo) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_runs_once_before_a_lease_also_where_its_session_is_checked_first() {
    let (builder, remote) = faked();
    let hooks = Arc::new(Offered::default());
    let config = PoolConfig::default()
        .with_max_sessions_per_key(1)
        .with_health_check_interval(Duration::from_secs(1));
    let builder = builder.config(config).hooks(Arc::clone(&hooks));
    let pool = builder.build().expect("a pool");
    let alice = request(fake::endpoint("a"), "alice");
    let client = pool.client(alice.clone()).await.expect("a client");
    drop(pool.acquire(&alice).await.expect("a session"));
    assert_eq!(hooks.0.load(Ordering::Relaxed), 0, "it is new");
    for round in 1..=4 {
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let lease = match round {
            1 | 2 => pool.acquire(&alice).await,
            _ => client.acquire().await,
        };
        drop(lease.expect("a session"));
        assert_eq!(hooks.0.load(Ordering::Relaxed), round, "round {round}");
        assert_eq!(remote.checks(), round / 2, "round {round}");
    }
    // A caller that waits, and then gets a session that is due for a check.
    let lease = pool.acquire(&alice).await.expect("a session");
    let waiting = pool.acquire(&alice);
    let (waited, ()) = futures::join!(waiting, async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(lease);
    });
    drop(waited.expect("a session"));
    assert_eq!(hooks.0.load(Ordering::Relaxed), 6);
    assert_eq!((remote.checks(), remote.connects()), (3, 1));
    // A session that does not pass its check is not offered.
    tokio::time::sleep(Duration::from_secs(2)).await;
    remote.on_check(Behaviour::Fail(FaultKind::Unreachable));
    drop(pool.acquire(&alice).await.expect("a new session"));
    assert_eq!(hooks.0.load(Ordering::Relaxed), 6);
    assert_eq!(remote.connects(), 2);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_life_ends_during_its_check_is_not_handed_out() {
    let (builder, remote) = faked();
    let config = PoolConfig::default()
        .with_health_check_interval(Duration::from_secs(1))
        .with_session_ttl(Duration::from_secs(10))
        .with_session_ttl_jitter(0.0);
    let pool = builder.config(config).build().expect("a pool");
    let alice = request(fake::endpoint("a"), "alice");
    drop(pool.acquire(&alice).await.expect("a session"));
    tokio::time::sleep(Duration::from_secs(8)).await;
    remote.on_check(Behaviour::Slow(Duration::from_secs(4)));
    let lease = pool.acquire(&alice).await.expect("a session");
    assert!(lease.is_fresh());
    assert_eq!((remote.checks(), remote.connects()), (1, 2));
    drop(lease);
    close(&pool).await;
}

/// Keeps the reasons of closes.
#[derive(Default)]
struct Closes(std::sync::Mutex<Vec<CloseReason>>);

impl Observer for Closes {
    fn closed(&self, event: &Closed<'_>) {
        self.0.lock().expect("not poisoned").push(event.reason());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_a_hook_refuses_has_a_reason_of_its_own() {
    let (builder, remote) = faked();
    let (hooks, closes) = (Arc::new(Counted::default()), Arc::new(Closes::default()));
    let builder = builder.hooks(Arc::clone(&hooks));
    let pool = builder.observer(Arc::clone(&closes)).build();
    let pool = pool.expect("a pool");
    let alice = request(fake::endpoint("a"), "alice");
    drop(pool.acquire(&alice).await.expect("a session"));
    hooks.refuse_acquire.store(true, Ordering::Relaxed);
    let lease = pool.acquire(&alice).await.expect("a session");
    hooks.refuse_release.store(true, Ordering::Relaxed);
    drop(lease);
    pool.acquire(&alice).await.expect("a session").discard();
    eventually("every session is closed", || remote.closed() == 3).await;
    let reasons = closes.0.lock().expect("not poisoned").clone();
    let refused = CloseReason::RefusedByHook;
    assert_eq!(reasons, [refused, refused, CloseReason::Discarded]);
    close(&pool).await;
}
