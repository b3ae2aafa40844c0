//! A directory that answers too late, or not at all for a while.

use std::time::Duration;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{EvictMode, Selector};

use super::setup::{Directory, LEASE, fleet, replica, replica_of};
use crate::setup::until;
use crate::setup::{call, client, close, conversation};

/// Later than the budget of a step, however long the machine stands still.
const LATE: Duration = Duration::from_secs(2);

fn server() -> CounterServer {
    CounterServer::start_as(Modes::default().legacy_only())
}

#[tokio::test]
async fn a_conversation_whose_record_failed_is_recorded_once_the_directory_answers() {
    let server = server();
    let directory = Directory::default();
    let network = directory.for_replica();
    let pool = replica_of(fleet(&network).with_lease(LEASE));
    network.refuse_records(true);
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
    network.refuse_records(false);
    // Another replica would wait for the record for as long as a handshake may take.
    let heir = replica(&directory);
    let there = conversation(&heir, server.endpoint(), "talk").await;
    assert_eq!(call(&there, "increment").await.expect("a count"), "2");
    assert_eq!(server.sessions_opened(), 1);
    close(&pool).await;
    close(&heir).await;
}

#[tokio::test]
async fn a_session_of_a_caller_whose_record_failed_is_recorded_once_the_directory_answers() {
    let server = server();
    let directory = Directory::default();
    let pool = replica_of(fleet(&directory).with_lease(LEASE));
    directory.refuse_records(true);
    let alice = client(&pool, server.endpoint(), "alice").await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), "1");
    until("the record was refused", || directory.steps() == 2).await;
    directory.refuse_records(false);
    until("it is recorded", || directory.sealed().len() == 1).await;
    close(&pool).await;
}

#[tokio::test]
async fn a_claim_that_is_granted_after_the_budget_holds_up_no_other_replica() {
    let server = server();
    let directory = Directory::default();
    let network = directory.for_replica();
    let slow = fleet(&network).with_budget(Duration::from_millis(50));
    let pool = replica_of(slow);
    network.answer_claims_after(LATE);
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    call(&talk, "increment")
        .await
        .expect_err("no answer in time");
    assert_eq!(network.claims(), 1);
    let heir = replica(&directory);
    let there = conversation(&heir, server.endpoint(), "talk").await;
    assert_eq!(call(&there, "increment").await.expect("a count"), "1");
    close(&pool).await;
    close(&heir).await;
}

#[tokio::test]
async fn a_parked_session_that_is_granted_after_the_budget_is_parked_again() {
    let server = server();
    let directory = Directory::default();
    let first = replica(&directory);
    let alice = client(&first, server.endpoint(), "alice").await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), "1");
    close(&first).await;
    let network = directory.for_replica();
    let slow = replica_of(fleet(&network).with_budget(Duration::from_millis(50)));
    network.answer_claims_after(LATE);
    let other = client(&slow, server.endpoint(), "alice").await;
    assert_eq!(call(&other, "increment").await.expect("a count"), "1");
    until("it is parked again", || network.sealed().len() == 1).await;
    let heir = replica(&directory);
    let alice = client(&heir, server.endpoint(), "alice").await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), "2");
    close(&slow).await;
    close(&heir).await;
}

#[tokio::test]
async fn a_session_that_ended_during_an_outage_leaves_no_record_behind() {
    let server = server();
    let directory = Directory::default();
    let pool = replica_of(fleet(&directory).with_lease(LEASE));
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    let alice = client(&pool, server.endpoint(), "alice").await;
    for client in [&talk, &alice] {
        call(client, "increment").await.expect("a count");
    }
    until("both are recorded", || directory.sealed().len() == 2).await;
    directory.set_down(true);
    pool.evict(&Selector::All, EvictMode::Graceful);
    until("the farewells", || server.sessions_closed() == 2).await;
    directory.set_down(false);
    until("no record is left", || directory.store.sessions() == 0).await;
    close(&pool).await;
}

#[tokio::test]
async fn a_conversation_that_was_never_recorded_ends_with_its_replica() {
    let server = server();
    let directory = Directory::default();
    let pool = replica(&directory);
    directory.refuse_records(true);
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    call(&talk, "increment").await.expect("a count");
    close(&pool).await;
    assert_eq!(server.sessions_closed(), 1, "no replica can find it");
}
