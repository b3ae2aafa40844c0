//! A directory that does not answer.

use std::time::Duration;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::error::CallError;
use tokio::time::Instant;

use super::setup::{Directory, LEASE, fleet, replica, replica_of};
use crate::setup::{call, client, close, conversation};

fn server() -> CounterServer {
    CounterServer::start_as(Modes::default().legacy_only())
}

#[tokio::test]
async fn callers_are_served_and_sessions_are_closed_as_without_a_directory() {
    let server = server();
    let directory = Directory::default();
    directory.set_down(true);
    let pool = replica(&directory);
    let alice = client(&pool, server.endpoint(), "alice").await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), "1");
    assert_eq!(call(&alice, "increment").await.expect("a count"), "2");
    close(&pool).await;
    assert_eq!(server.sessions_closed(), 1);
}

#[tokio::test]
async fn a_conversation_that_may_be_elsewhere_fails_until_the_directory_answers() {
    let server = server();
    let directory = Directory::default();
    let network = directory.for_replica();
    let pools = [replica(&directory), replica(&network)];
    let here = conversation(&pools[0], server.endpoint(), "talk").await;
    assert_eq!(call(&here, "increment").await.expect("a count"), "1");
    network.set_down(true);
    let there = conversation(&pools[1], server.endpoint(), "talk").await;
    let failed = call(&there, "increment").await;
    let text = format!("{failed:?}");
    assert!(matches!(failed, Err(CallError::Acquire(_))), "{text}");
    assert!(text.contains("Unreachable"), "{text}");
    assert_eq!(
        server.sessions_opened(),
        1,
        "the state is not lost silently"
    );
    network.set_down(false);
    // The pool tries again after a pause.
    let mut count = call(&there, "increment").await;
    for _ in 0..600 {
        if count.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        count = call(&there, "increment").await;
    }
    assert_eq!(count.expect("a count"), "2");
    for pool in &pools {
        close(pool).await;
    }
}

#[tokio::test]
async fn a_conversation_is_opened_afresh_where_the_gateway_wants_that() {
    let server = server();
    let directory = Directory::default();
    directory.set_down(true);
    let pool = replica_of(fleet(&directory).opening_conversations_unrecorded());
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
    close(&pool).await;
    assert_eq!(server.sessions_closed(), 1);
}

#[tokio::test]
async fn a_conversation_that_is_held_here_goes_on_during_the_outage() {
    let server = server();
    let directory = Directory::default();
    let pool = replica_of(fleet(&directory).with_lease(LEASE));
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
    directory.set_down(true);
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "2");
    directory.set_down(false);
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "3");
    close(&pool).await;
    assert_eq!(server.sessions_opened(), 1);
}

#[tokio::test]
async fn a_directory_that_hangs_costs_its_budget_once() {
    const USERS: usize = 20;
    let server = server();
    let directory = Directory::default();
    directory.hang();
    let pool = replica_of(fleet(&directory).with_budget(Duration::from_millis(300)));
    let began = Instant::now();
    for user in 0..USERS {
        let client = client(&pool, server.endpoint(), &format!("user-{user}")).await;
        assert_eq!(call(&client, "increment").await.expect("a count"), "1");
    }
    assert!(began.elapsed() >= Duration::from_millis(300));
    // It is tried again twice a second.
    let tries = 1 + began.elapsed().as_millis() / 500;
    assert!(
        (directory.claims() as u128) <= tries,
        "{} of {tries}",
        directory.claims()
    );
    assert!(directory.claims() < USERS, "{} claims", directory.claims());
    close(&pool).await;
}
