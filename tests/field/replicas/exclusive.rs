//! A session of a caller is one replica's at a time.

use mcp_pool_testkit::server::{CounterServer, Modes};

use super::setup::{Directory, LEASE, fleet, replica, replica_of};
use crate::setup::until;
use crate::setup::{call, client, close};

fn server() -> CounterServer {
    CounterServer::start_as(Modes::default().legacy_only())
}

#[tokio::test]
async fn a_hit_makes_no_step_and_a_miss_claims_once() {
    let server = server();
    let directory = Directory::default();
    let pool = replica(&directory);
    let alice = client(&pool, server.endpoint(), "alice").await;
    call(&alice, "increment").await.expect("a count");
    until("the session is recorded", || directory.steps() == 2).await;
    assert_eq!(directory.claims(), 1);
    for _ in 0..50 {
        call(&alice, "increment").await.expect("a count");
    }
    assert_eq!(directory.steps(), 2);
    close(&pool).await;
}

#[tokio::test]
async fn while_one_replica_uses_it_another_opens_its_own() {
    let server = server();
    let directory = Directory::default();
    let pools = [replica(&directory), replica(&directory)];
    for pool in &pools {
        let alice = client(pool, server.endpoint(), "alice").await;
        assert_eq!(call(&alice, "increment").await.expect("a count"), "1");
    }
    assert_eq!(server.sessions_opened(), 2);
    for pool in &pools {
        close(pool).await;
    }
}

#[tokio::test]
async fn a_replica_that_is_cut_off_for_a_lease_sends_nothing_more_on_its_session() {
    let server = server();
    let directory = Directory::default();
    let network = directory.for_replica();
    let cut_off = replica_of(fleet(&network).with_lease(LEASE));
    let alice = client(&cut_off, server.endpoint(), "alice").await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), "1");
    until("the session is recorded", || network.steps() == 2).await;
    network.set_down(true);
    tokio::time::sleep(LEASE * 2).await;
    let heir = replica(&directory);
    let there = client(&heir, server.endpoint(), "alice").await;
    assert_eq!(call(&there, "increment").await.expect("a count"), "2");
    assert_eq!(server.sessions_opened(), 1);
    // It goes on with a session of its own.
    assert_eq!(call(&alice, "increment").await.expect("a count"), "1");
    network.set_down(false);
    tokio::time::sleep(LEASE).await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), "2");
    assert_eq!(call(&there, "increment").await.expect("a count"), "3");
    assert_eq!(server.sessions_opened(), 2);
    assert_eq!(server.sessions_closed(), 0, "no farewell for another's");
    close(&heir).await;
    close(&cut_off).await;
}

#[tokio::test]
async fn a_flushed_directory_makes_every_holding_void() {
    let server = server();
    let directory = Directory::default();
    let pool = replica_of(fleet(&directory).with_lease(LEASE));
    let alice = client(&pool, server.endpoint(), "alice").await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), "1");
    directory.store.flush();
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(call(&alice, "increment").await.expect("a count"), "1");
    assert_eq!(server.sessions_opened(), 2);
    until("the new one is recorded", || {
        directory.store.sessions() == 1
    })
    .await;
    close(&pool).await;
}
