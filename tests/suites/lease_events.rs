//! What observers learn of leases.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::fake::{self, FakeConnector};
use mcp_session_pool::{
    PoolConfig, PoolKey, SessionPool,
    event::{Acquired, Released},
    extend::{Hooks, Observer, SessionInfo},
};
use tokio::time::sleep;

use crate::common::{close, request};

/// What acquires and releases were reported as.
#[derive(Default)]
struct Leases {
    hits: Mutex<Vec<bool>>,
    reusable: Mutex<Vec<bool>>,
}

impl Leases {
    fn hits(&self) -> Vec<bool> {
        self.hits.lock().expect("not poisoned").clone()
    }

    fn reusable(&self) -> Vec<bool> {
        self.reusable.lock().expect("not poisoned").clone()
    }
}

impl Observer for Leases {
    fn acquired(&self, event: &Acquired<'_>) {
        let mut hits = self.hits.lock().expect("not poisoned");
        hits.push(event.hit());
    }

    fn released(&self, event: &Released<'_>) {
        let mut reusable = self.reusable.lock().expect("not poisoned");
        reusable.push(event.reusable());
    }
}

fn observed(connector: FakeConnector, config: PoolConfig) -> (SessionPool, Arc<Leases>) {
    let leases = Arc::new(Leases::default());
    let pool = SessionPool::builder()
        .config(config)
        .connector(connector)
        .observer(Arc::clone(&leases))
        .build()
        .expect("a valid configuration");
    (pool, leases)
}

#[tokio::test(start_paused = true)]
async fn only_a_session_that_was_there_already_is_reported_as_a_hit() {
    let (connector, remote) = fake::connector();
    let config = PoolConfig::default().with_max_sessions_per_key(2);
    let (pool, leases) = observed(connector, config);
    let alice = request(fake::endpoint("a"), "alice");
    let first = pool.acquire(&alice).await.expect("a new session");
    drop(first);
    let first = pool.acquire(&alice).await.expect("the idle session");
    let second = pool.acquire(&alice).await.expect("a second session");
    assert_eq!(leases.hits(), [false, true, false]);
    // One that waits gets the session that another gives back.
    let (third, ()) = tokio::join!(pool.acquire(&alice), async {
        sleep(Duration::from_secs(1)).await;
        drop(first);
    });
    assert_eq!(leases.hits(), [false, true, false, true]);
    assert_eq!(remote.connects(), 2);
    drop((second, third));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_is_reported_as_reusable_unless_the_session_is_discarded() {
    let (connector, _remote) = fake::connector();
    let (pool, leases) = observed(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    drop(pool.acquire(&alice).await.expect("a session"));
    assert_eq!(leases.reusable(), [true]);
    pool.acquire(&alice).await.expect("a session").discard();
    assert_eq!(leases.reusable(), [true, false]);
    let client = pool.client(alice.clone()).await.expect("a client");
    client.ping().await.expect("an answer");
    assert_eq!(leases.reusable(), [true, false, true]);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_of_a_pool_that_keeps_none_is_reported_as_not_reusable() {
    let (connector, _remote) = fake::connector();
    let (pool, leases) = observed(connector, PoolConfig::default().with_enabled(false));
    let alice = request(fake::endpoint("a"), "alice");
    drop(pool.acquire(&alice).await.expect("a session"));
    assert_eq!(leases.reusable(), [false]);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_shows_its_key_a_request_its_endpoint_and_neither_a_credential() {
    let (connector, _remote) = fake::connector();
    let (pool, _leases) = observed(connector, PoolConfig::default());
    let alice = request(fake::endpoint("a"), "alice");
    let lease = pool.acquire(&alice).await.expect("a session");
    let shown = format!("{lease:?}");
    let key = format!("{:?}", lease.key());
    assert!(
        shown.starts_with("Lease") && shown.contains(&key),
        "{shown}"
    );
    assert!(!shown.contains("alice-token"), "{shown}");
    let shown = format!("{alice:?}");
    assert!(
        shown.starts_with("AcquireRequest") && shown.contains("endpoint"),
        "{shown}"
    );
    assert!(!shown.contains("alice-token"), "{shown}");
    drop(lease);
    close(&pool).await;
}

/// Panics at its first look, which is at the first session that was there.
#[derive(Default)]
struct Panicking(AtomicUsize);

impl Hooks for Panicking {
    fn before_acquire(&self, _key: &PoolKey, _session: &SessionInfo) -> bool {
        assert_ne!(self.0.fetch_add(1, Ordering::Relaxed), 0, "as planned");
        true
    }
}

#[tokio::test]
async fn a_hook_that_panics_leaves_the_session_to_the_next_caller_and_nothing_is_reported() {
    let (connector, remote) = fake::connector();
    let leases = Arc::new(Leases::default());
    let pool = SessionPool::builder()
        .connector(connector)
        .observer(Arc::clone(&leases))
        .hooks(Panicking::default())
        .build()
        .expect("a valid configuration");
    let request = request(fake::endpoint("a"), "alice");
    drop(pool.acquire(&request).await.expect("a session"));
    let (of_task, again) = (pool.clone(), request.clone());
    let task = tokio::spawn(async move { of_task.acquire(&again).await.map(drop) });
    assert!(task.await.expect_err("a panic").is_panic());
    assert_eq!((leases.hits().len(), leases.reusable().len()), (1, 1));
    drop(pool.acquire(&request).await.expect("a session"));
    assert_eq!(leases.hits(), [false, true]);
    assert_eq!((leases.reusable(), remote.connects()), (vec![true; 2], 1));
    close(&pool).await;
}
