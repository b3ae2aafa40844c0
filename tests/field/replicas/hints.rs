//! What one replica has found out of a server, another does not find out again.

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    Endpoint, PoolConfig, SessionPool, SseConnector, StreamableHttpConnector, extend::SealedSession,
};

use super::setup::{Directory, fleet, replica};
use crate::setup::until;
use crate::setup::{call, client, close};

/// The requests of one replica until the answer to its first call, by a user of its own.
async fn requests_of(
    server: &CounterServer,
    directory: &Directory,
    endpoint: Endpoint,
    user: &str,
) -> usize {
    let pool = over_both(directory);
    let before = server.seen().len();
    let client = client(&pool, endpoint, user).await;
    assert_eq!(call(&client, "increment").await.expect("a count"), "1");
    let requests = server.seen().len() - before;
    close(&pool).await;
    requests
}

/// A replica that detects the transport among both.
fn over_both(directory: &Directory) -> SessionPool {
    SessionPool::builder()
        .config(PoolConfig::default())
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .connector(SseConnector::new().expect("an http client"))
        .fleet(fleet(directory))
        .build()
        .expect("a valid configuration")
}

/// An endpoint whose transport is detected.
fn auto(server: &CounterServer) -> Endpoint {
    Endpoint::auto(&server.url()).expect("a valid url")
}

#[tokio::test]
async fn the_second_replica_opens_its_first_session_without_a_probe_for_the_era() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    let first = requests_of(&server, &directory, auto(&server), "alice").await;
    until("a hint", || !directory.hints_left().is_empty()).await;
    let second = requests_of(&server, &directory, auto(&server), "bob").await;
    assert_eq!((first, second), (4, 3));
    let named = requests_of(&server, &directory, server.endpoint(), "carol").await;
    assert_eq!(named, 3);
    assert_eq!(server.count("server/discover"), 1, "by the first replica");
}

#[tokio::test]
async fn the_second_replica_does_not_try_a_transport_that_the_first_was_denied() {
    let server = CounterServer::start_as(Modes::default().legacy_only().over_sse());
    let directory = Directory::default();
    requests_of(&server, &directory, auto(&server), "alice").await;
    until("a hint", || !directory.hints_left().is_empty()).await;
    let denied = server.seen().len();
    let second = requests_of(&server, &directory, auto(&server), "bob").await;
    // The stream, `initialize`, `initialized` and the call.
    assert_eq!(second, 4, "{:?}", &server.seen()[denied..]);
}

#[tokio::test]
async fn a_hint_about_another_server_does_not_open() {
    let server = CounterServer::start_as(Modes::default().legacy_only().over_sse());
    let other = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    requests_of(&server, &directory, auto(&server), "alice").await;
    until("a hint", || !directory.hints_left().is_empty()).await;
    directory.plant_hint(directory.hints_left()[0].clone());
    let requests = requests_of(&other, &directory, auto(&other), "bob").await;
    assert_eq!(requests, 4, "as without a hint");
}

#[tokio::test]
async fn a_server_that_has_changed_its_era_and_transport_is_detected_again() {
    let mut server = CounterServer::start_as(Modes::default().legacy_only().over_sse());
    let directory = Directory::default();
    requests_of(&server, &directory, auto(&server), "alice").await;
    until("a hint", || !directory.hints_left().is_empty()).await;
    server.restart_as(Modes::default().stateless_only());
    let pool = over_both(&directory);
    let bob = client(&pool, auto(&server), "bob").await;
    call(&bob, "increment").await.expect("an answer");
    until("another hint", || directory.hints_left().len() == 2).await;
    close(&pool).await;
}

#[tokio::test]
async fn a_hint_that_does_not_open_is_none() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    directory.plant_hint(SealedSession::from_bytes(*b"no hint"));
    let requests = requests_of(&server, &directory, auto(&server), "alice").await;
    assert_eq!(requests, 4);
}

#[tokio::test]
async fn a_replica_reads_and_leaves_one_hint_for_each_server() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    let pool = replica(&directory);
    for user in ["alice", "bob", "carol"] {
        let client = client(&pool, server.endpoint(), user).await;
        call(&client, "increment").await.expect("a count");
    }
    until("a hint", || !directory.hints_left().is_empty()).await;
    close(&pool).await;
    assert_eq!(directory.hints_read(), 1);
    assert_eq!(directory.hints_left().len(), 1);
    let hint = &directory.hints_left()[0];
    let shown = String::from_utf8_lossy(hint.as_bytes()).into_owned();
    assert!(!shown.contains("streamablehttp"), "sealed: {shown}");
}

#[tokio::test]
async fn a_directory_without_an_answer_costs_a_detection_and_no_call() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    directory.set_down(true);
    let requests = requests_of(&server, &directory, auto(&server), "alice").await;
    assert_eq!(requests, 4);
    assert_eq!(directory.hints_left(), []);
}

#[tokio::test]
async fn a_hint_that_the_directory_did_not_take_is_left_by_the_next_session() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    let pool = replica(&directory);
    directory.set_down(true);
    let alice = client(&pool, server.endpoint(), "alice").await;
    call(&alice, "increment").await.expect("a count");
    directory.set_down(false);
    let mut users = 0;
    while directory.hints_left().is_empty() {
        assert!(users < 1_200, "no hint from {users} sessions");
        users += 1;
        let client = client(&pool, server.endpoint(), &format!("user {users}")).await;
        call(&client, "increment").await.expect("a count");
        // The directory's circuit admits a step again after a moment.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    close(&pool).await;
}
