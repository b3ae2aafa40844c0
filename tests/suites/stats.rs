//! What a pool says of its keys is true, in any order and page by page, however many there are.

use std::{collections::BTreeSet, time::Duration};

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{
    PoolConfig, Scope, SessionPool,
    error::FaultKind,
    extend::Era,
    stats::{BreakerState, KeyCondition, KeyOrder, KeyQuery},
};
use tokio::time::Instant;

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
async fn the_pages_of_any_order_have_every_key_once() {
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
async fn a_row_says_what_its_key_has_and_what_happened_to_it() {
    let (connector, remote) = fake::connector();
    let config = with_slots(1).with_circuit_breaker_threshold(1);
    let pool = pool_over(connector, config);
    let alice = request(fake::endpoint("a"), "alice").with_scope(Scope::Identity);
    let lease = pool.acquire(&alice).await.expect("a session");
    let in_line = tokio::spawn({
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

    // The circuit belongs to the endpoint, what went wrong to the key.
    remote.on_connect(Behaviour::Fail(FaultKind::Unreachable));
    let bob = request(fake::endpoint("a"), "bob");
    pool.acquire(&bob).await.expect_err("nobody there");
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
    in_line.await.expect("no panic").expect("a session");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_query_is_about_what_it_names_and_about_nothing_else() {
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
fn a_query_and_where_a_page_ended_survive_serde() {
    let query = r#"{"order":"oldest","limit":7,"after":"00000000000000070000000000000009"}"#;
    let query: KeyQuery = serde_json::from_str(query).expect("a query");
    let text = serde_json::to_string(&query).expect("json");
    let again: KeyQuery = serde_json::from_str(&text).expect("a query");
    assert_eq!(again, query);
    serde_json::from_str::<KeyQuery>(r#"{"after":"no cursor"}"#).expect_err("no cursor");
    serde_json::from_str::<KeyQuery>(r#"{"ordre":"oldest"}"#).expect_err("no such field");
}

/// Acquires are not held up while the keys are looked at: the longest of them takes a small part of
/// the time that one look takes, which it would take whole if a lock were held that long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_keys_are_looked_at_without_holding_up_an_acquire() {
    let (connector, _remote) = fake::connector();
    let config = PoolConfig::default().with_max_total_keys(0);
    let pool = pool_over(connector, config);
    for user in 0..KEYS {
        let request = request(fake::endpoint("a"), &format!("user-{user}"));
        drop(pool.client(request).await.expect("a client"));
    }
    let busy = pool.client(request(fake::endpoint("a"), "busy")).await;
    let busy = busy.expect("a client");
    let looking = pool.clone();
    let look = std::thread::spawn(move || {
        let looks = (0..5).map(|_| {
            let began = Instant::now();
            let page = looking.key_stats(&KeyQuery::default());
            assert_eq!((page.matching, page.rows.len()), (KEYS + 1, 100));
            began.elapsed()
        });
        looks.collect::<Vec<_>>()
    });
    let mut waits = Vec::new();
    while !look.is_finished() {
        let began = Instant::now();
        drop(busy.acquire().await.expect("a session"));
        waits.push(began.elapsed());
    }
    let mut looks = look.join().expect("no panic");
    looks.sort();
    waits.sort();
    // Of what the machine does besides, the rare outlier takes no part.
    let (look, wait) = (looks[2], waits[waits.len() * 999 / 1_000]);
    assert!(
        wait * 10 < look,
        "an acquire took {wait:?}, a look {look:?}"
    );
    // Seconds mean nothing without optimisation; a key costs no more than a few acquires do.
    let most = waits[waits.len() / 2] * 20 * u32::try_from(KEYS).expect("not that many");
    assert!(
        look < most,
        "a look at each key: {look:?}, {most:?} expected at most"
    );
    pool.close(Duration::from_secs(10)).await;
}

const KEYS: usize = 100_000;
