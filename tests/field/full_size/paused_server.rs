//! A server that stops for a while and goes on leaves neither sockets nor new sessions behind.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::future::join_all;
use mcp_pool_testkit::{
    Relay,
    server::{CounterServer, Modes},
};
use mcp_session_pool::{PoolConfig, PooledClient};
use tokio::time::sleep;

use super::size;
use crate::setup::{call, client, close, pool};

/// One call of each caller, all at the same time.
async fn call_all(clients: &[PooledClient]) {
    let calls = clients.iter().map(|client| call(client, "count"));
    for answer in join_all(calls).await {
        answer.expect("an answer");
    }
}

/// Calls without end, each for a short time, until `over`.
async fn keep_calling(client: PooledClient, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        // What a call comes to while the server stands still is not the subject here.
        let _ = call(&client, "count").await;
        sleep(Duration::from_millis(20)).await;
    }
}

async fn pause_under_load(modes: Modes) {
    let pause = size(Duration::from_secs(2), Duration::from_secs(20));
    let server = CounterServer::start_as(modes);
    let relay = Relay::before(&server.endpoint());
    let pool = pool(PoolConfig::default());
    let mut clients = Vec::new();
    for number in 0..size(50, 200) {
        let user = format!("user-{number}");
        clients.push(client(&pool, relay.endpoint(), &user).await);
    }
    call_all(&clients).await;
    call_all(&clients).await;
    let (sockets, opened) = (relay.connections(), server.sessions_opened());
    let over = AtomicBool::new(false);
    let brief = |client: &PooledClient| client.with_timeout(pause / 5);
    let load = clients
        .iter()
        .map(|client| keep_calling(brief(client), &over));
    let load = join_all(load);
    let pausing = async {
        sleep(Duration::from_millis(100)).await;
        relay.pause();
        sleep(pause).await;
        relay.resume();
        // The callers go on for a while.
        sleep(pause / 2).await;
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(load, pausing);
    // The HTTP client looks for unused connections every few seconds.
    let are_closed = || relay.connections() <= sockets;
    for _ in 0..MINUTE {
        if are_closed() {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let open = relay.connections();
    assert!(
        are_closed(),
        "{open} sockets are open, {sockets} were before the pause"
    );
    call_all(&clients).await;
    let new = server.sessions_opened() - opened;
    assert_eq!(new, 0, "every session outlives the pause");
    close(&pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_for_a_while_keeps_its_sessions_and_its_sockets_are_closed() {
    pause_under_load(Modes::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_over_sse_that_stands_still_keeps_its_sessions_and_its_sockets_are_closed() {
    pause_under_load(Modes::default().over_sse()).await;
}

/// So many looks, ten milliseconds apart, take a minute.
const MINUTE: usize = 6_000;
