//! After a revocation no caller receives a session that was opened before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::header;
use mcp_pool_testkit::{
    fake::{self, Behaviour},
    server::CounterServer,
};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Principal, Selector,
    rmcp::model::{CallToolRequestParams, ClientRequest},
};

use crate::common::{call, client, close, eventually, headers, pool, pool_over, request};

fn one_each() -> PoolConfig {
    PoolConfig::default().with_max_sessions_per_key(1)
}

#[tokio::test]
async fn a_revocation_closes_idle_sessions_at_once_and_sessions_in_use_when_they_are_returned() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, &server, "alice").await;
    let bob = client(&pool, &server, "bob").await;
    for client in [&alice, &bob] {
        let two = (client.acquire().await, client.acquire().await);
        drop((two.0.expect("a session"), two.1.expect("a session")));
        call(client, "increment").await.expect("a count");
    }
    let lease = alice.acquire().await.expect("a session");
    let report = pool.revoke(&Selector::principal(&Principal::user("alice")));
    assert_eq!((report.keys, report.closing, report.in_use), (1, 1, 1));
    eventually("the idle one is closed", || server.sessions_closed() == 1).await;
    let ping = ClientRequest::PingRequest(Default::default());
    let peer = lease.peer().await.expect("a peer");
    let answer = peer.send_request(ping).await;
    answer.expect("the session is still usable");
    drop(peer);
    drop(lease);
    eventually("the other one too", || server.sessions_closed() == 2).await;
    assert_eq!(call(&alice, "increment").await.expect("a new session"), 1);
    assert_eq!(call(&bob, "increment").await.expect("the same session"), 2);
    assert_eq!(pool.stats().sessions_revoked, 2);
    assert_eq!(
        pool.revoke(&Selector::principal(&Principal::user("stranger")))
            .keys,
        0
    );
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_opened_or_handed_over_during_a_revocation_reaches_no_caller() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, one_each());
    let request = request(fake::endpoint("a"), "alice");
    let acquire = || {
        let (pool, request) = (pool.clone(), request.clone());
        tokio::spawn(async move { pool.acquire(&request).await.expect("a session") })
    };
    remote.on_connect(Behaviour::Slow(Duration::from_secs(1)));
    let opening = acquire();
    eventually("it is being opened", || remote.connecting() == 1).await;
    let report = pool.revoke(&Selector::principal(&Principal::user("alice")));
    assert_eq!((report.connecting, report.closing), (1, 0));
    let lease = opening.await.expect("no panic");
    eventually("what came too late is closed", || remote.closed() == 1).await;
    assert_eq!((remote.connects(), remote.open()), (2, 1));
    // The session is handed to the waiter just before it is revoked.
    let waiting = acquire();
    eventually("it waits", || {
        pool.stats().pools.values().any(|row| row.waiting == 1)
    })
    .await;
    drop(lease);
    assert_eq!(
        pool.revoke(&Selector::principal(&Principal::user("alice")))
            .keys,
        1
    );
    let lease = waiting.await.expect("no panic");
    assert_eq!(remote.connects(), 3, "another one was opened");
    drop(lease);
    close(&pool).await;
}

#[tokio::test]
async fn revoking_an_identity_affects_every_principal_and_no_other_identity() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let of = |user: &'static str, token: &str| {
        AcquireRequest::new(server.endpoint(), Principal::user(user))
            .with_headers(headers(&[("authorization", token)]))
    };
    let shared = [of("alice", "Bearer stolen"), of("bob", "Bearer stolen")];
    let other = of("alice", "Bearer other");
    for request in shared.iter().chain([&other]) {
        drop(pool.acquire(request).await.expect("a session"));
    }
    let identity = pool
        .resolve_key(&shared[0])
        .await
        .expect("a key")
        .identity()
        .clone();
    let report = pool.revoke(&Selector::identity(&identity));
    assert_eq!((report.keys, report.closing), (2, 2));
    for (request, hit) in [(&shared[0], false), (&shared[1], false), (&other, true)] {
        let lease = pool.acquire(request).await.expect("a session");
        assert_eq!(!lease.is_fresh(), hit);
    }
    close(&pool).await;
}

/// Callers call all the time while the principal is revoked again and again. Each call carries the
/// number of revocations that had returned before it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_that_begins_after_a_revocation_reaches_a_session_from_before() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default().with_max_sessions_per_key(4));
    let returned = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let (pool, endpoint) = (pool.clone(), server.endpoint());
            let (returned, done) = (Arc::clone(&returned), Arc::clone(&done));
            tokio::spawn(async move {
                let kept = pool.client(request(endpoint.clone(), "alice")).await;
                let kept = kept.expect("a client");
                while !done.load(Ordering::Relaxed) {
                    let alice = match number % 2 {
                        0 => kept.clone(),
                        _ => pool
                            .client(request(endpoint.clone(), "alice"))
                            .await
                            .expect("a client"),
                    };
                    let revoked = returned.load(Ordering::SeqCst);
                    alice.call_tool(numbered(revoked)).await.expect("a count");
                }
            })
        })
        .collect();
    // The sessions from before each revocation, in order.
    let mut old = Vec::new();
    for revocation in 1..=REVOCATIONS {
        let calls = server.count("tools/call");
        let is_busy = || server.count("tools/call") >= calls + 40;
        eventually("the callers have sessions", is_busy).await;
        old.push(server.open_sessions());
        pool.revoke(&Selector::principal(&Principal::user("alice")));
        returned.store(revocation, Ordering::SeqCst);
    }
    let calls = server.count("tools/call");
    let is_busy = || server.count("tools/call") >= calls + 40;
    eventually("calls follow the last revocation", is_busy).await;
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no panic");
    }
    close(&pool).await;
    server.expect_no_session().await;
    assert!(old.iter().all(|sessions| !sessions.is_empty()));
    expect_no_old_session(&server, &old);
}

/// Checks every call that has reached the server: none that began after a revocation had returned
/// may be on a session from before it.
fn expect_no_old_session(server: &CounterServer, old: &[Vec<String>]) {
    let mut later_calls = 0;
    for seen in server.seen() {
        if seen.method != "tools/call" {
            continue;
        }
        let revoked = seen.message["params"]["arguments"]["revoked"].as_u64();
        let revoked = usize::try_from(revoked.expect("a number")).expect("a small number");
        let session = seen.session.expect("a session");
        let from_before = old[..revoked].iter().flatten().any(|id| *id == session);
        assert!(!from_before, "after {revoked} revocations: {session}");
        later_calls += usize::from(revoked > 0);
    }
    assert!(later_calls >= 40, "{later_calls} calls began after one");
}

/// A call that carries the number of revocations before it.
fn numbered(revoked: usize) -> CallToolRequestParams {
    let arguments = serde_json::json!({ "revoked": revoked });
    let arguments = arguments.as_object().cloned().expect("an object");
    CallToolRequestParams::new("increment").with_arguments(arguments)
}

const REVOCATIONS: usize = 20;

#[tokio::test]
async fn a_revoked_token_is_not_sent_for_another_request() {
    let server = CounterServer::start();
    let pool = pool(one_each().with_identity_headers(vec!["x-user-id".parse().expect("a name")]));
    let of = |token: &str| {
        AcquireRequest::new(server.endpoint(), Principal::user("alice"))
            .with_headers(headers(&[("x-user-id", "alice"), ("authorization", token)]))
    };
    let old = pool.client(of("Bearer revoked")).await.expect("a client");
    call(&old, "increment").await.expect("a count");
    let old_sessions = server.open_sessions();
    let so_far = server.seen().len();
    pool.revoke(&Selector::principal(&Principal::user("alice")));
    let new = pool.client(of("Bearer new")).await.expect("a client");
    server.switches().accept_tokens([]);
    call(&new, "increment").await.expect_err("a refusal");
    server.switches().accept_tokens(["new"]);
    call(&new, "increment").await.expect("a count");
    close(&pool).await;
    let later = server.seen().split_off(so_far);
    for seen in &later {
        let of_old = seen
            .session
            .as_ref()
            .is_some_and(|id| old_sessions.contains(id));
        if of_old {
            // The farewell of the old session is the only request that may follow on it.
            assert_eq!(seen.method, "DELETE");
            continue;
        }
        let token = &seen.headers[header::AUTHORIZATION];
        assert_eq!(token, "Bearer new", "{}", seen.method);
    }
    assert!(later.iter().any(|seen| seen.method == "tools/call"));
}
