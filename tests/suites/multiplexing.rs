//! Concurrent calls on one stateful session.

use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use mcp_pool_testkit::{
    fake::{self, Behaviour},
    server::{CounterServer, Seen},
};
use mcp_session_pool::{Endpoint, EvictMode, PoolConfig, Scope, Selector};
use tokio::{task::JoinSet, time::Instant};

use crate::common::{call, close, eventually, pool, pool_over, request};

/// The delay of the tool `wait`.
const PAUSE: Duration = Duration::from_millis(200);

fn slow_server() -> CounterServer {
    let server = CounterServer::start();
    server.switches().delay_tools(PAUSE);
    server
}

fn shared(server: &CounterServer, slots: u32) -> Endpoint {
    let slots = NonZeroU32::new(slots).expect("not zero");
    server.endpoint().with_max_concurrent_per_session(slots)
}

fn calls(server: &CounterServer) -> Vec<Seen> {
    let seen = server.seen().into_iter();
    seen.filter(|seen| seen.method == "tools/call").collect()
}

fn distinct(calls: &[Seen], pointer: &str) -> usize {
    let values = calls
        .iter()
        .filter_map(|seen| seen.message.pointer(pointer));
    values
        .map(ToString::to_string)
        .collect::<BTreeSet<_>>()
        .len()
}

#[tokio::test]
async fn calls_that_share_a_session_run_concurrently_and_get_their_own_ids() {
    const CALLS: usize = 16;
    let server = slow_server();
    server.switches().gather(CALLS);
    let pool = pool(PoolConfig::default());
    let client = pool.client(request(shared(&server, 16), "alice")).await;
    let client = client.expect("a client");
    let began = Instant::now();
    for answer in join_all((0..CALLS).map(|_| call(&client, "wait"))).await {
        answer.expect("a count");
    }
    println!(
        "{CALLS} calls of {PAUSE:?} on one session: {:?}",
        began.elapsed()
    );
    assert_eq!(server.sessions_opened(), 1);
    // An id or a token is never used twice, also once its call has ended.
    for _ in 0..CALLS {
        call(&client, "count").await.expect("a count");
    }
    let calls = calls(&server);
    assert_eq!(calls.len(), 2 * CALLS);
    assert_eq!(distinct(&calls, "/id"), 2 * CALLS);
    assert_eq!(distinct(&calls, "/params/_meta/progressToken"), 2 * CALLS);
    close(&pool).await;
}

#[tokio::test]
async fn a_dropped_call_cancels_that_call_and_no_other() {
    let server = slow_server();
    // The call is under way until the others have arrived and it is dropped.
    server.switches().delay_tools(Duration::from_secs(5));
    let pool = pool(PoolConfig::default());
    let client = pool.client(request(shared(&server, 4), "alice")).await;
    let client = client.expect("a client");
    let dropped = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "wait").await }
    });
    eventually("the call is with the server", || calls(&server).len() == 1).await;
    let others = (0..3).map(|_| call(&client, "wait"));
    let (answers, ()) = tokio::join!(join_all(others), async {
        eventually("so are the others", || calls(&server).len() == 4).await;
        dropped.abort();
    });
    for answer in answers {
        answer.expect("a count");
    }
    eventually("the server knows", || {
        server.count("notifications/cancelled") == 1
    })
    .await;
    let seen = server.seen();
    let cancelled = seen
        .iter()
        .find(|seen| seen.method == "notifications/cancelled");
    let cancelled = cancelled
        .expect("seen")
        .message
        .pointer("/params/requestId");
    assert_eq!(cancelled, calls(&server)[0].message.get("id"));
    assert_eq!(server.sessions_opened(), 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_late_answer_reaches_no_other_call() {
    let server = slow_server();
    let late = Duration::from_secs(2);
    server.switches().delay_tools(late);
    let pool = pool(PoolConfig::default());
    let client = pool.client(request(shared(&server, 4), "alice")).await;
    let client = client.expect("a client");
    assert_eq!(call(&client, "increment").await.expect("a count"), 1);
    let brief = client.with_timeout(late / 20);
    call(&brief, "wait").await.expect_err("too late");
    // The late answer arrives between the answers of these calls.
    for count in 2..40 {
        assert_eq!(call(&client, "increment").await.expect("a count"), count);
        tokio::time::sleep(late / 30).await;
    }
    assert_eq!(server.sessions_opened(), 1);
    close(&pool).await;
}

#[tokio::test]
async fn calls_of_a_conversation_share_one_session_and_others_do_not() {
    const CALLS: usize = 8;
    for (scope, sessions) in [(Scope::conversation("c"), 1), (Scope::Identity, CALLS)] {
        let server = slow_server();
        server.switches().gather(CALLS);
        let pool = pool(PoolConfig::default());
        let request = request(server.endpoint(), "alice").with_scope(scope);
        let client = pool.client(request).await.expect("a client");
        for answer in join_all((0..CALLS).map(|_| call(&client, "wait"))).await {
            answer.expect("a count");
        }
        assert_eq!(server.sessions_opened(), sessions);
        close(&pool).await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_on_a_session_of_the_fake_server_end_with_it_in_the_order_of_their_beginning() {
    const CALLS: usize = 16;
    let (connector, remote) = fake::connector();
    remote.allow_concurrent_calls(16);
    remote.on_call(Behaviour::Never);
    let pool = pool_over(connector, PoolConfig::default());
    let client = pool.client(request(fake::endpoint("a"), "alice")).await;
    let client = client.expect("a client");
    let ended = Arc::<Mutex<Vec<usize>>>::default();
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let (client, ended) = (client.clone(), Arc::clone(&ended));
        calls.spawn(async move {
            call(&client, "count").await.expect_err("the session ends");
            ended.lock().expect("not poisoned").push(number);
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    pool.evict(&Selector::All, EvictMode::Force);
    calls.join_all().await;
    assert_eq!(
        *ended.lock().expect("not poisoned"),
        Vec::from_iter(0..CALLS)
    );
    close(&pool).await;
}
