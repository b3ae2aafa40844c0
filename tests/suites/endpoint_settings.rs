//! The settings of an endpoint: which keys they concern, and what becomes of a change.

use std::{num::NonZeroU32, time::Duration};

use mcp_pool_testkit::fake;
use mcp_session_pool::{Endpoint, EvictMode, PoolConfig, Selector, extend::Support};
use tokio::time::sleep;

use crate::common::{close, eventually, pool_over, request};

fn with_slots(endpoint: Endpoint, slots: u32) -> Endpoint {
    endpoint.with_max_concurrent_per_session(NonZeroU32::new(slots).expect("not zero"))
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_differ_in_settings_alone_are_one_and_a_client_makes_another() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let plain = fake::endpoint("a");
    let tuned = with_slots(plain.clone().with_min_idle(3), 4).with_trusted_tool_hints();
    let other = plain.clone().with_client("c");
    let mut keys = Vec::new();
    for endpoint in [&plain, &tuned, &other] {
        let alice = request(endpoint.clone(), "alice");
        drop(pool.acquire(&alice).await.expect("a session"));
        keys.push(pool.resolve_key(&alice).await.expect("a key"));
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
    assert_eq!(remote.connects(), 2);
    for (endpoint, selected) in [(&tuned, 1), (&other, 1), (&plain, 0)] {
        let report = pool.evict(&Selector::endpoint(endpoint), EvictMode::Graceful);
        assert_eq!(report.keys, selected);
    }
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn changed_settings_hold_for_clients_of_before_and_sessions_end_with_their_leases() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let endpoint = fake::endpoint("a");
    let client = pool.client(request(endpoint.clone(), "alice")).await;
    let client = client.expect("a client");
    let held = client.acquire().await.expect("a session");
    let report = pool.update_endpoint(&with_slots(endpoint.clone(), 3));
    assert_eq!((report.keys, report.in_use, report.closing), (1, 1, 0));
    let mut leases = Vec::new();
    for _ in 0..3 {
        leases.push(client.acquire().await.expect("a slot"));
    }
    assert_eq!(remote.connects(), 2, "three calls on the second session");
    assert_eq!(remote.closed(), 0);
    drop(held);
    eventually("the first one is closed", || remote.closed() == 1).await;
    let report = pool.update_endpoint(&endpoint);
    assert_eq!(report.in_use, 1);
    drop(leases);
    eventually("the second one, too", || remote.closed() == 2).await;
    let first = client.acquire().await.expect("a session");
    let second = client.acquire().await.expect("a session");
    assert_eq!(
        remote.connects(),
        4,
        "a session for each call, as in the beginning"
    );
    drop((first, second));
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_number_of_sessions_that_are_kept_ready_may_change() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let endpoint = fake::endpoint("a");
    let client = pool.client(request(endpoint.clone(), "alice")).await;
    let client = client.expect("a client");
    let held = client.acquire().await.expect("a session");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(remote.open(), 1);
    pool.update_endpoint(&endpoint.clone().with_min_idle(2));
    drop(client.acquire().await.expect("a session"));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(remote.open(), 3, "two beside the one in use");
    pool.update_endpoint(&endpoint.with_min_idle(0));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(remote.open(), 1);
    drop(held);
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_an_endpoint_changes_also_where_its_transport_is_detected() {
    let (connector, remote) = fake::connector();
    remote.answer_detections(Support::Supported);
    let pool = pool_over(connector, PoolConfig::default());
    let plain = Endpoint::auto("http://a.test/mcp").expect("a valid url");
    let most = async || {
        let mut leases = Vec::new();
        for user in ["a", "b", "c", "d"] {
            let request = request(plain.clone(), user).with_timeout(Duration::from_millis(100));
            leases.extend(pool.acquire(&request).await.ok());
        }
        leases.len()
    };
    assert_eq!(most().await, 4);
    for calls in [1, 3, 2] {
        let calls = NonZeroU32::new(calls).expect("not zero");
        pool.update_endpoint(&plain.clone().with_max_calls(calls));
        assert_eq!(most().await, calls.get() as usize);
    }
    pool.update_endpoint(&plain);
    assert_eq!(most().await, 4);
    close(&pool).await;
}
