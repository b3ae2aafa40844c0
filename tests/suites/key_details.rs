//! A key in detail: its sessions, who waits for one, and the end of both by its fingerprint.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::fake;
use mcp_session_pool::{
    EvictMode, PoolConfig, SessionPool,
    event::{Acquired, Closed},
    extend::{Fingerprint, Observer},
    stats::{KeyCondition, KeyQuery},
};

use crate::common::{close, pool_over, request};

async fn fingerprint(pool: &SessionPool, user: &str) -> Fingerprint {
    let request = request(fake::endpoint("a"), user);
    let key = pool.resolve_key(&request).await.expect("a key");
    key.fingerprint()
}

#[tokio::test(start_paused = true)]
async fn a_key_shows_each_session_with_its_calls_and_each_waiter_with_its_time() {
    let (connector, _remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_sessions_per_key(2)
        .with_max_concurrent_per_session(NonZeroU32::new(2).expect("two"))
        .with_acquire_timeout(Duration::from_secs(30));
    let pool = pool_over(connector, config);
    let alice = request(fake::endpoint("a"), "alice");
    let mut leases = Vec::new();
    for _ in 0..4 {
        leases.push(pool.acquire(&alice).await.expect("a session"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let waiters = [2, 1].map(|before| {
        let (pool, alice) = (pool.clone(), alice.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2 - before)).await;
            pool.acquire(&alice).await.map(drop)
        })
    });
    tokio::time::sleep(Duration::from_secs(2)).await;

    let name = fingerprint(&pool, "alice").await;
    let details = pool.key_details(name).expect("a key");
    assert_eq!(details.stats.fingerprint, name);
    let sessions: Vec<_> = details.sessions.iter().collect();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert!(sessions[0].age > sessions[1].age, "the oldest comes first");
    assert_eq!(sessions[0].age, Duration::from_secs(6));
    for session in &sessions {
        assert_eq!((session.in_use, session.slots), (2, 2), "{session:?}");
    }
    let waited: Vec<_> = details.waiters.iter().map(|it| it.waited).collect();
    assert_eq!(waited, [2, 1].map(Duration::from_secs));
    assert_eq!(details.waiters[0].left, Duration::from_secs(28));
    assert_eq!(details.waiters[0].stage, "queue");

    leases.truncate(1);
    for waiter in waiters {
        waiter.await.expect("no panic").expect("a session");
    }
    let details = pool.key_details(name).expect("a key");
    let in_use: u32 = details.sessions.iter().map(|it| it.in_use).sum();
    assert_eq!(in_use, 1, "{:?}", details.sessions);
    assert!(details.waiters.is_empty());
    let json = serde_json::to_value(&details).expect("json");
    assert_eq!(json["sessions"][0]["age"], 6.0, "a number of seconds");
    drop(leases);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_evicted_by_its_fingerprint_and_no_other_is() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    for user in ["alice", "bob"] {
        let request = request(fake::endpoint("a"), user);
        drop(pool.acquire(&request).await.expect("a session"));
    }
    let [alice, bob] = [
        fingerprint(&pool, "alice").await,
        fingerprint(&pool, "bob").await,
    ];
    let shown: Fingerprint = alice.to_string().parse().expect("a fingerprint");
    let report = pool.evict_key(shown, EvictMode::Graceful);
    assert_eq!((report.keys, report.closing), (1, 1));
    assert!(pool.key_details(alice).is_none(), "the key is gone");
    assert_eq!(pool.key_details(bob).expect("a key").sessions.len(), 1);
    let again = pool.evict_key(alice, EvictMode::Force);
    assert_eq!(again.keys, 0, "an unknown key is none");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_calls_have_ended_is_not_in_use() {
    for slots in [1, 3] {
        let (connector, _remote) = fake::connector();
        let slots = NonZeroU32::new(slots).expect("some");
        let config = PoolConfig::default().with_max_concurrent_per_session(slots);
        let pool = pool_over(connector, config);
        let in_use = KeyQuery {
            condition: Some(KeyCondition::InUse),
            ..KeyQuery::default()
        };
        let users = ["alice", "bob", "carol"];
        let mut leases = Vec::new();
        for user in users.iter().chain(&users) {
            let request = request(fake::endpoint("a"), user);
            leases.push(pool.acquire(&request).await.expect("a session"));
        }
        assert_eq!(pool.key_stats(&in_use).matching, 3);
        let alice = fingerprint(&pool, "alice").await;
        leases.retain(|lease| lease.key().fingerprint() == alice);
        let page = pool.key_stats(&in_use);
        assert_eq!(
            (page.matching, page.rows[0].in_use),
            (1, 2),
            "{slots} slots"
        );
        drop(leases);
        assert_eq!(pool.key_stats(&in_use).matching, 0, "{slots} slots");
        close(&pool).await;
    }
}

#[derive(Default)]
struct Counting(AtomicUsize, AtomicUsize);

impl Observer for Counting {
    fn acquired(&self, _: &Acquired<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn closed(&self, _: &Closed<'_>) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn both_observers_of_a_pair_receive_every_event() {
    let (connector, _remote) = fake::connector();
    let observers = [Arc::new(Counting::default()), Arc::default()];
    let pair = (Arc::clone(&observers[0]), Arc::clone(&observers[1]));
    let pool = SessionPool::builder()
        .connector(connector)
        .observer(pair)
        .build()
        .expect("a valid configuration");
    let alice = request(fake::endpoint("a"), "alice");
    for _ in 0..3 {
        drop(pool.acquire(&alice).await.expect("a session"));
    }
    close(&pool).await;
    for observer in observers {
        let Counting(acquired, closed) = &*observer;
        assert_eq!(acquired.load(Ordering::Relaxed), 3);
        assert_eq!(closed.load(Ordering::Relaxed), 1);
    }
}
