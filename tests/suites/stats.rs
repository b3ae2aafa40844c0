//! The statistics of keys are correct in any order, page by page, for any number of keys.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Scope, SessionPool,
    error::FaultKind,
    extend::Era,
    stats::{BreakerState, KeyCondition, KeyOrder, KeyQuery},
};

use crate::common::{close, pool_over, request};

const ORDERS: [KeyOrder; 6] = [
    KeyOrder::Fingerprint,
    KeyOrder::IdleFor,
    KeyOrder::InUse,
    KeyOrder::Oldest,
    KeyOrder::Sessions,
    KeyOrder::Waiting,
];

fn with_slots(max: usize) -> PoolConfig {
    PoolConfig::default().with_max_sessions_per_key(max)
}

fn only(condition: KeyCondition) -> KeyQuery {
    KeyQuery {
        condition: Some(condition),
        ..KeyQuery::default()
    }
}

/// Every page of a query.
fn pages(pool: &SessionPool, mut query: KeyQuery) -> Vec<mcp_session_pool::stats::KeyStats> {
    let mut rows = Vec::new();
    loop {
        let page = pool.key_stats(&query);
        rows.extend(page.rows);
        if page.next.is_none() {
            assert_eq!(rows.len(), page.matching);
            return rows;
        }
        query.after = page.next;
    }
}

#[tokio::test(start_paused = true)]
async fn the_pages_of_every_order_contain_each_key_once() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, with_slots(3));
    let mut leases = Vec::new();
    for user in 0..25usize {
        let request = request(fake::endpoint("a"), &format!("user-{user}"));
        for _ in 0..user % 4 {
            if leases.len() % 3 < 2 {
                leases.push(pool.acquire(&request).await.expect("a session"));
            } else {
                drop(pool.acquire(&request).await.expect("a session"));
            }
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        drop(pool.client(request).await.expect("a client"));
    }
    for order in ORDERS {
        let query = KeyQuery {
            order,
            limit: 4,
            ..KeyQuery::default()
        };
        let rows = pages(&pool, query);
        let keys: BTreeSet<_> = rows.iter().map(|row| row.fingerprint).collect();
        assert_eq!((rows.len(), keys.len()), (25, 25), "{order:?}");
        let ranks = rows.iter().map(|row| match order {
            KeyOrder::IdleFor => row.idle_for.as_nanos(),
            KeyOrder::InUse => row.in_use as u128,
            KeyOrder::Oldest => row.oldest.unwrap_or_default().as_nanos(),
            KeyOrder::Sessions => (row.available + row.active + row.connecting) as u128,
            KeyOrder::Waiting => row.waiting as u128,
            _ => 0,
        });
        assert!(
            ranks.rev().is_sorted(),
            "the largest comes first: {order:?}"
        );
    }
    drop(leases);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_row_shows_the_sessions_of_its_key_and_the_last_error() {
    let (connector, remote) = fake::connector();
    let config = with_slots(1).with_circuit_breaker_threshold(1);
    let pool = pool_over(connector, config);
    let alice = request(fake::endpoint("a"), "alice").with_scope(Scope::Identity);
    let lease = pool.acquire(&alice).await.expect("a session");
    let waiter = tokio::spawn({
        let (pool, alice) = (pool.clone(), alice.clone());
        async move { pool.acquire(&alice).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let page = pool.key_stats(&only(KeyCondition::Waiting));
    let [row] = page.rows.as_slice() else {
        panic!("one key: {page:?}");
    };
    assert_eq!((row.available, row.active, row.in_use), (0, 1, 1));
    assert_eq!((row.connecting, row.waiting, row.max), (0, 1, 1));
    assert_eq!((row.scope, row.era), ("identity", Some(Era::Legacy)));
    assert_eq!(row.endpoint, "http://a.test/mcp");
    assert_eq!(row.oldest, Some(Duration::from_secs(2)));
    assert_eq!((row.last_error, row.breaker), (None, BreakerState::Closed));

    // The circuit belongs to the endpoint, the error to the key.
    remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    let bob = request(fake::endpoint("a"), "bob");
    pool.acquire(&bob).await.expect_err("unreachable");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(pool.key_stats(&only(KeyCondition::Broken)).matching, 2);
    let failed = pool.key_stats(&only(KeyCondition::Failed)).rows;
    let key = pool.resolve_key(&bob).await.expect("a key");
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].fingerprint, key.fingerprint());
    let error = failed[0].last_error.expect("an error");
    assert_eq!(
        (error.kind, error.ago),
        ("unreachable", Duration::from_secs(3))
    );
    assert_eq!(failed[0].oldest, None);
    drop(lease);
    waiter.await.expect("no panic").expect("a session");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_query_returns_exactly_the_keys_that_match() {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, with_slots(1));
    for (host, user) in [("a", "alice"), ("a", "bob"), ("b", "alice")] {
        drop(
            pool.acquire(&request(fake::endpoint(host), user))
                .await
                .expect("a session"),
        );
    }
    let chat = request(fake::endpoint("b"), "bob").with_scope(Scope::conversation("chat"));
    let lease = pool.acquire(&chat).await.expect("a session");
    let matching = |change: fn(&mut KeyQuery)| {
        let mut query = KeyQuery::default();
        change(&mut query);
        let page = pool.key_stats(&query);
        assert_eq!(page.rows.len(), page.matching);
        page.matching
    };
    assert_eq!(matching(|_| {}), 4);
    assert_eq!(matching(|query| query.host = Some("a.test".to_owned())), 2);
    assert_eq!(
        matching(|query| query.transport = Some("fake".to_owned())),
        4
    );
    assert_eq!(
        matching(|query| query.transport = Some("sse".to_owned())),
        0
    );
    assert_eq!(
        matching(|query| query.scope = Some("conversation".to_owned())),
        1
    );
    assert_eq!(
        matching(|query| query.condition = Some(KeyCondition::InUse)),
        1
    );
    assert_eq!(
        matching(|query| query.condition = Some(KeyCondition::Idle)),
        3
    );
    let endpoints = pool.endpoint_stats();
    let sum = |pick: fn(&mcp_session_pool::stats::EndpointStats) -> usize| {
        endpoints.iter().map(pick).sum::<usize>()
    };
    assert_eq!(endpoints.len(), 2);
    assert_eq!(
        (sum(|e| e.keys), sum(|e| e.active), sum(|e| e.available)),
        (4, 1, 3)
    );
    drop(lease);
    close(&pool).await;
}

#[test]
fn a_query_and_its_cursor_survive_serde() {
    let query = r#"{"order":"oldest","limit":7,"after":"00000000000000070000000000000009"}"#;
    let query: KeyQuery = serde_json::from_str(query).expect("a query");
    let text = serde_json::to_string(&query).expect("json");
    let again: KeyQuery = serde_json::from_str(&text).expect("a query");
    assert_eq!(again, query);
    serde_json::from_str::<KeyQuery>(r#"{"after":"no cursor"}"#).expect_err("no cursor");
    serde_json::from_str::<KeyQuery>(r#"{"ordre":"oldest"}"#).expect_err("no such field");
}

/// A caller acquires as fast as it can while queries run. A query that held a lock which an acquire
/// needs would let it finish one acquire at most; without one it finishes thousands, unless the
/// machine runs its thread only before and after the query. So one query of several counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_of_many_keys_does_not_block_acquires() {
    let pool = pool_of(KEYS).await;
    let mut all_counts = Vec::new();
    while all_counts.len() < QUERIES && all_counts.last().is_none_or(|count| *count < MANY) {
        all_counts.push(acquires_within_a_query(&pool).await);
    }
    assert!(
        all_counts.iter().any(|count| *count >= MANY),
        "acquires within each query: {all_counts:?}"
    );
    pool.close(Duration::from_secs(10)).await;
}

/// A pool with so many keys without a session, and one with a session.
async fn pool_of(keys: usize) -> SessionPool {
    let (connector, _remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default().with_max_total_keys(0));
    for user in 0..keys {
        let request = request(fake::endpoint("a"), &format!("user-{user}"));
        drop(pool.client(request).await.expect("a client"));
    }
    drop(pool.acquire(&busy()).await.expect("a session"));
    pool
}

fn busy() -> AcquireRequest {
    request(fake::endpoint("a"), "busy")
}

/// The acquires that begin and end within one query.
async fn acquires_within_a_query(pool: &SessionPool) -> usize {
    let phase = Arc::new(AtomicUsize::new(BEFORE));
    let caller = {
        let (pool, phase) = (pool.clone(), Arc::clone(&phase));
        tokio::spawn(async move {
            let mut count = 0;
            let busy = busy();
            loop {
                let before = phase.load(Ordering::SeqCst);
                drop(pool.acquire(&busy).await.expect("a session"));
                match (before, phase.load(Ordering::SeqCst)) {
                    (WITHIN, WITHIN) => count += 1,
                    (_, AFTER) => return count,
                    _ => {}
                }
            }
        })
    };
    let queried = pool.clone();
    let query = std::thread::spawn(move || {
        phase.store(WITHIN, Ordering::SeqCst);
        let page = queried.key_stats(&KeyQuery::default());
        phase.store(AFTER, Ordering::SeqCst);
        assert_eq!((page.matching, page.rows.len()), (KEYS + 1, 100));
    });
    let count = caller.await.expect("no panic");
    query.join().expect("no panic");
    count
}

const KEYS: usize = 10_000;
/// So many queries are tried until one leaves room for many acquires.
const QUERIES: usize = 50;
const MANY: usize = 100;
// The phases of a query.
const BEFORE: usize = 0;
const WITHIN: usize = 1;
const AFTER: usize = 2;
