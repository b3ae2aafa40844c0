//! A crowd of one user keeps no other user out.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use mcp_pool_testkit::fake::{self, Behaviour};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Principal, SessionPool,
    extend::{Fifo, Share, SharePolicy},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::common::{close, pool_over, request};

const CALL: Duration = Duration::from_millis(10);

/// What a caller has seen.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    calls: usize,
    longest_wait: Duration,
}

/// Calls again and again for so long.
async fn call_for(pool: SessionPool, request: AcquireRequest, length: Duration) -> Seen {
    let end = Instant::now() + length;
    let mut seen = Seen::default();
    while Instant::now() < end {
        let came = Instant::now();
        let Ok(lease) = timeout(length, pool.acquire(&request)).await else {
            break;
        };
        let lease = lease.expect("a session");
        seen.longest_wait = seen.longest_wait.max(came.elapsed());
        sleep(CALL).await;
        drop(lease);
        seen.calls += 1;
    }
    seen
}

/// All callers at once, for ten seconds: what each group of them has seen.
async fn compete<const N: usize>(
    pool: &SessionPool,
    groups: [Vec<AcquireRequest>; N],
) -> [Seen; N] {
    let mut tasks = JoinSet::new();
    for (group, requests) in groups.into_iter().enumerate() {
        for request in requests {
            let calls = call_for(pool.clone(), request, Duration::from_secs(10));
            tasks.spawn(async move { (group, calls.await) });
        }
        // The first group is there before the second one comes.
        sleep(Duration::from_millis(100)).await;
    }
    let mut seen = [Seen::default(); N];
    while let Some(done) = tasks.join_next().await {
        let (group, of_one) = done.expect("no panic");
        seen[group].calls += of_one.calls;
        seen[group].longest_wait = seen[group].longest_wait.max(of_one.longest_wait);
    }
    seen
}

fn of(user: &str, host: usize) -> AcquireRequest {
    request(fake::endpoint(&format!("h{host}")), user)
}

fn sessions(total: usize) -> PoolConfig {
    PoolConfig::default()
        .with_max_total_sessions(total)
        .with_max_sessions_per_key(total)
        .with_shed_delay_target(Duration::ZERO)
}

#[tokio::test(start_paused = true)]
async fn two_callers_of_one_user_do_not_keep_another_user_out_of_a_single_session() {
    let pool = pool_over(fake::connector().0, sessions(1));
    let seen = compete(&pool, [vec![of("a", 0); 2], vec![of("b", 0)]]).await;
    let [a, b] = seen;
    assert!(b.calls * 4 > a.calls, "{seen:?}");
    assert!(b.longest_wait < Duration::from_millis(500), "{seen:?}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_comes_back_at_once_keeps_the_only_session_for_its_turn() {
    const OPENING: Duration = Duration::from_millis(4);
    for users in [vec![of("b", 0)], vec![of("b", 0), of("b", 1)]] {
        let (connector, remote) = fake::connector();
        remote.on_connect(Behaviour::Slow(OPENING));
        let pool = pool_over(connector, sessions(1));
        let keys = users.len() as u32;
        let [a, b] = compete(&pool, [vec![of("a", 0); 2], users]).await;
        let share = b.calls as f64 / (a.calls + b.calls) as f64;
        assert!((0.4..0.6).contains(&share), "{share}");
        // Going round costs less than a twentieth of the time.
        let unfair = 10_000 / CALL.as_millis() as usize;
        assert!(
            (a.calls + b.calls) * 20 >= unfair * 19,
            "{} of {unfair}",
            a.calls + b.calls
        );
        let turn = 25 * OPENING + CALL + 2 * OPENING;
        assert!(b.longest_wait <= 2 * keys * turn, "{:?}", b.longest_wait);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_caller_does_not_come_back_is_given_up_at_once() {
    const OPENING: Duration = Duration::from_millis(4);
    let (connector, remote) = fake::connector();
    remote.on_connect(Behaviour::Slow(OPENING));
    let pool = pool_over(connector, sessions(1));
    let first = pool.acquire(&of("a", 0)).await.expect("a session");
    let waits = tokio::spawn({
        let pool = pool.clone();
        async move { drop(pool.acquire(&of("b", 0)).await.expect("a session")) }
    });
    sleep(CALL).await;
    let began = Instant::now();
    drop(first);
    waits.await.expect("no panic");
    // It would be kept for as long as it takes to open one.
    assert!(began.elapsed() < 2 * OPENING, "{:?}", began.elapsed());
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_crowd_on_one_key_and_a_crowd_on_many_keys_leave_another_user_its_share() {
    for many_keys in [false, true] {
        let pool = pool_over(fake::connector().0, sessions(8));
        let crowd = (0..400).map(|n| of("a", if many_keys { n } else { 0 }));
        let seen = compete(&pool, [crowd.collect(), vec![of("b", 0); 8]]).await;
        let [a, b] = seen;
        let share = b.calls as f64 / (a.calls + b.calls) as f64;
        assert!((0.4..0.6).contains(&share), "{share} {seen:?}");
        assert!(b.longest_wait < Duration::from_millis(500), "{seen:?}");
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_of_a_user_is_not_kept_out_by_another_endpoint_of_the_same_user() {
    let pool = pool_over(fake::connector().0, sessions(2));
    let seen = compete(&pool, [vec![of("a", 0); 40], vec![of("a", 1)]]).await;
    assert!(seen[1].calls > 50, "{seen:?}");
    assert!(seen[1].longest_wait < Duration::from_secs(1), "{seen:?}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn principals_of_one_tenant_share_what_the_tenant_has() {
    let pool = pool_over(fake::connector().0, sessions(4));
    let of = |tenant: &str, user: &str| {
        let principal = Principal::user(user).in_tenant(tenant);
        AcquireRequest::new(fake::endpoint("a"), principal)
    };
    let crowd = (0..200).map(|n| of("acme", &format!("u{n}"))).collect();
    let seen = compete(&pool, [crowd, vec![of("small", "s"); 4]]).await;
    let share = seen[1].calls as f64 / (seen[0].calls + seen[1].calls) as f64;
    assert!((0.4..0.6).contains(&share), "{share} {seen:?}");
    close(&pool).await;
}

/// Tenant `gold` has three times the share of any other.
struct Gold;

impl SharePolicy for Gold {
    fn share(&self, principal: &Principal) -> Share {
        let weight = if principal.tenant() == Some("gold") {
            3
        } else {
            1
        };
        Share::of_tenant(principal).with_weight(NonZeroU32::new(weight).expect("not zero"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_gives_a_tenant_more_than_another() {
    let builder = SessionPool::builder()
        .connector(fake::connector().0)
        .config(sessions(8));
    let pool = builder.share_policy(Gold).build().expect("a pool");
    let of = |tenant: &str| {
        let principal = Principal::user("u").in_tenant(tenant);
        AcquireRequest::new(fake::endpoint("a"), principal)
    };
    let seen = compete(&pool, [vec![of("plain"); 50], vec![of("gold"); 50]]).await;
    let share = seen[1].calls as f64 / (seen[0].calls + seen[1].calls) as f64;
    assert!((0.65..0.85).contains(&share), "{share} {seen:?}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn in_the_order_of_arrival_a_crowd_keeps_what_it_has() {
    let builder = SessionPool::builder()
        .connector(fake::connector().0)
        .config(sessions(1));
    let policy: Arc<dyn SharePolicy> = Arc::new(Fifo);
    let pool = builder.share_policy(policy).build().expect("a pool");
    let seen = compete(&pool, [vec![of("a", 0); 2], vec![of("b", 0)]]).await;
    assert!(seen[1].longest_wait > Duration::from_secs(9), "{seen:?}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_callers_of_one_key_are_served_in_turn() {
    let pool = pool_over(fake::connector().0, sessions(2));
    let of = |caller: &str| of("a", 0).with_caller(caller);
    let seen = compete(&pool, [vec![of("crowd"); 300], vec![of("one"); 2]]).await;
    assert!(seen[1].longest_wait <= 3 * CALL, "{seen:?}");
    let share = seen[1].calls as f64 / (seen[0].calls + seen[1].calls) as f64;
    assert!(share > 0.3, "{share} {seen:?}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn the_principals_of_a_shared_key_are_served_in_turn() {
    let endpoint = fake::endpoint("public").declared_stateless_and_public();
    let pool = pool_over(fake::connector().0, sessions(2));
    let of =
        |user: &str| request(endpoint.clone(), user).with_scope(mcp_session_pool::Scope::Shared);
    let seen = compete(&pool, [vec![of("crowd"); 300], vec![of("one"); 2]]).await;
    assert!(seen[1].longest_wait <= 3 * CALL, "{seen:?}");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_user_gets_a_key_though_another_one_uses_all_there_may_be() {
    let config = PoolConfig::default().with_max_total_keys(8);
    let pool = pool_over(fake::connector().0, config);
    let crowd = (0..40).map(|n| of("a", n)).collect();
    let seen = compete(&pool, [crowd, vec![of("b", 0)]]).await;
    assert!(seen[1].calls > 50, "{seen:?}");
    assert!(
        seen[1].longest_wait < Duration::from_millis(500),
        "{seen:?}"
    );
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_keeps_its_session_while_others_wait() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, sessions(1));
    let talk = of("a", 0).with_scope(mcp_session_pool::Scope::conversation("c"));
    let lease = pool.acquire(&talk).await.expect("a session");
    let other = tokio::spawn({
        let (pool, b) = (pool.clone(), of("b", 0));
        async move { drop(pool.acquire(&b).await.expect("a session at last")) }
    });
    sleep(Duration::from_secs(1)).await;
    // A second call of the conversation overlaps with the first one.
    let second = pool.acquire(&talk).await.expect("the same session");
    drop(lease);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        remote.connects(),
        1,
        "the session in use was closed for another"
    );
    drop(second);
    other.await.expect("served when the conversation is idle");
    close(&pool).await;
}
