//! After a revocation nothing of what was opened before is handed out, to whomever, ever.

use mcp_session_pool::Selector;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::header;
use mcp_pool_testkit::{
    fake::{self, Behaviour},
    server::CounterServer,
};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Principal, SessionPool,
    rmcp::model::{CallToolRequestParams, ClientRequest},
};

use crate::common::{call, client, close, eventually, headers, pool, pool_over, request};

fn one_each() -> PoolConfig {
    PoolConfig::default().with_max_sessions_per_key(1)
}

#[tokio::test]
async fn idle_sessions_are_closed_at_once_and_those_in_use_when_their_users_are_done() {
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
    lease
        .peer()
        .send_request(ping)
        .await
        .expect("still its user's");
    drop(lease);
    eventually("the other one too", || server.sessions_closed() == 2).await;
    assert_eq!(call(&alice, "increment").await.expect("a new session"), 1);
    assert_eq!(call(&bob, "increment").await.expect("his own"), 2);
    assert_eq!(pool.stats().sessions_revoked, 2);
    assert_eq!(
        pool.revoke(&Selector::principal(&Principal::user("nobody")))
            .keys,
        0
    );
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_being_opened_or_handed_over_meanwhile_reaches_nobody() {
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
    // Handed to whoever waits in the moment before it is revoked.
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
async fn an_identity_is_revoked_for_every_principal_and_no_other_identity() {
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

/// Calls by whoever has the right to, on the server's own word, while revocations rain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_that_begins_after_a_revocation_reaches_a_session_from_before() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default().with_max_sessions_per_key(4));
    let done = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..8)
        .map(|number| {
            let (pool, done, endpoint) = (pool.clone(), Arc::clone(&done), server.endpoint());
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
                    let params = CallToolRequestParams::new("increment");
                    alice.call_tool(params).await.expect("a count");
                }
            })
        })
        .collect();
    for _ in 0..20 {
        eventually("some are open", || !server.open_sessions().is_empty()).await;
        revoked_ones_are_not_used(&pool, &server).await;
    }
    done.store(true, Ordering::Relaxed);
    for caller in crowd {
        caller.await.expect("no panic");
    }
    close(&pool).await;
    server.expect_no_session().await;
}

/// Revokes, and sees that the sessions from before are all closed and not used after that.
async fn revoked_ones_are_not_used(pool: &SessionPool, server: &CounterServer) {
    let before: BTreeSet<_> = server.open_sessions().into_iter().collect();
    pool.revoke(&Selector::principal(&Principal::user("alice")));
    let is_old = |id: &String| before.contains(id);
    // Those whose call had begun are closed when it ends.
    eventually("the old ones are closed", || {
        !server.open_sessions().iter().any(is_old)
    })
    .await;
    let so_far = server.seen().len();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let later = &server.seen()[so_far..];
    assert!(
        !later
            .iter()
            .any(|seen| seen.session.as_ref().is_some_and(is_old))
    );
}

#[tokio::test]
async fn a_revoked_token_is_sent_on_nobody_elses_behalf() {
    let server = CounterServer::start();
    let pool = pool(one_each().with_identity_headers(vec!["x-user-id".parse().expect("a name")]));
    let of = |token: &str| {
        AcquireRequest::new(server.endpoint(), Principal::user("alice"))
            .with_headers(headers(&[("x-user-id", "alice"), ("authorization", token)]))
    };
    let old = pool.client(of("Bearer revoked")).await.expect("a client");
    call(&old, "increment").await.expect("a count");
    pool.revoke(&Selector::principal(&Principal::user("alice")));
    eventually("it is closed", || server.open_sessions().is_empty()).await;
    let so_far = server.seen().len();
    let new = pool.client(of("Bearer new")).await.expect("a client");
    server.switches().accept_tokens([]);
    call(&new, "increment").await.expect_err("a refusal");
    server.switches().accept_tokens(["new"]);
    call(&new, "increment").await.expect("a count");
    close(&pool).await;
    for seen in &server.seen()[so_far..] {
        assert_eq!(
            seen.headers[header::AUTHORIZATION],
            "Bearer new",
            "{}",
            seen.method
        );
    }
}
