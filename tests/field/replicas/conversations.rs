//! A conversation goes on at every replica.

use std::collections::HashSet;

use futures::future::join_all;
use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{SessionPool, config::Lifecycle, error::CallError};

use super::setup::{Directory, replica};
use crate::setup::{call, client, close, conversation};

const MODES: [fn() -> Modes; 2] = [Modes::default, || Modes::default().with_json()];

#[tokio::test]
async fn calls_of_a_conversation_over_three_replicas_are_calls_of_one_session() {
    for modes in MODES {
        let server = CounterServer::start_as(modes().legacy_only());
        let directory = Directory::default();
        let pools: [SessionPool; 3] = std::array::from_fn(|_| replica(&directory));
        let mut talks = Vec::new();
        for pool in &pools {
            talks.push(conversation(pool, server.endpoint(), "talk").await);
        }
        let mut counts = HashSet::new();
        for _ in 0..4 {
            let calls = (0..24).map(|number| call(&talks[number % 3], "increment"));
            for count in join_all(calls).await {
                let count: usize = count.expect("a count").parse().expect("a number");
                assert!(counts.insert(count), "{count} twice: a crossed answer");
            }
        }
        assert_eq!(counts, (1..=96).collect());
        assert_eq!(server.sessions_opened(), 1);
        assert_eq!(server.count("initialize"), 1);
        let requests = server.seen().into_iter().map(|seen| seen.message);
        let ids: Vec<_> = requests
            .filter(|it| it.get("id").is_some() && it.get("method").is_some())
            .map(|it| it["id"].to_string())
            .collect();
        let different: HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len(), "no id is seen twice");
        for pool in &pools {
            close(pool).await;
        }
        assert_eq!(server.sessions_closed(), 0, "the conversation may go on");
    }
}

#[tokio::test]
async fn a_conversation_goes_on_elsewhere_without_a_request_of_its_own() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    let pools = [replica(&directory), replica(&directory)];
    let here = conversation(&pools[0], server.endpoint(), "talk").await;
    assert_eq!(call(&here, "increment").await.expect("a count"), "1");
    let before = server.seen().len();
    let there = conversation(&pools[1], server.endpoint(), "talk").await;
    assert_eq!(call(&there, "increment").await.expect("a count"), "2");
    assert_eq!(server.seen().len(), before + 1, "the call alone");
    for pool in &pools {
        close(pool).await;
    }
}

#[tokio::test]
async fn first_calls_at_the_same_time_on_two_replicas_open_one_session() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    let pools = [replica(&directory), replica(&directory)];
    for name in 0..10 {
        let name = format!("talk-{name}");
        let opened = server.sessions_opened();
        let one = conversation(&pools[0], server.endpoint(), &name).await;
        let other = conversation(&pools[1], server.endpoint(), &name).await;
        let (one, other) = tokio::join!(call(&one, "increment"), call(&other, "increment"));
        let mut counts = [one.expect("a count"), other.expect("a count")];
        counts.sort();
        assert_eq!(counts, ["1", "2"]);
        assert_eq!(server.sessions_opened(), opened + 1);
    }
    for pool in &pools {
        close(pool).await;
    }
}

#[tokio::test]
async fn a_lost_conversation_is_an_error_on_the_replica_that_goes_on_with_it() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    let pools = [replica(&directory), replica(&directory)];
    let here = conversation(&pools[0], server.endpoint(), "talk").await;
    assert_eq!(call(&here, "increment").await.expect("a count"), "1");
    close(&pools[0]).await;
    server.forget_sessions();
    let there = conversation(&pools[1], server.endpoint(), "talk").await;
    let lost = call(&there, "increment").await;
    assert!(matches!(lost, Err(CallError::SessionLost)), "{lost:?}");
    assert_eq!(server.sessions_opened(), 1, "nothing was opened");
    assert_eq!(call(&there, "increment").await.expect("a count"), "1");
    close(&pools[1]).await;
}

#[tokio::test]
async fn neither_another_conversation_nor_another_caller_gets_the_session() {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = Directory::default();
    let pools = [replica(&directory), replica(&directory)];
    let here = conversation(&pools[0], server.endpoint(), "talk").await;
    assert_eq!(call(&here, "increment").await.expect("a count"), "1");
    close(&pools[0]).await;
    let other = conversation(&pools[1], server.endpoint(), "other").await;
    assert_eq!(call(&other, "increment").await.expect("a count"), "1");
    for user in ["alice", "bob"] {
        let client = client(&pools[1], server.endpoint(), user).await;
        assert_eq!(call(&client, "increment").await.expect("a count"), "1");
    }
    assert_eq!(server.sessions_opened(), 4);
    close(&pools[1]).await;
}

#[tokio::test]
async fn a_stateless_server_costs_no_step_of_the_directory() {
    let server = CounterServer::start_as(Modes::default().stateless_only());
    let directory = Directory::default();
    let pool = replica(&directory);
    let endpoint = server.endpoint().with_lifecycle(Lifecycle::Stateless);
    let talk = conversation(&pool, endpoint, "talk").await;
    call(&talk, "increment").await.expect("a count");
    close(&pool).await;
    assert_eq!(directory.steps(), 0);
}
