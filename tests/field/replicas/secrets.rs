//! A record shows nothing, and opens for its own key alone.

use std::time::Duration;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{Fleet, FleetSecret};

use super::setup::{Directory, replica, replica_of};
use crate::setup::{call, close, conversation};

fn server() -> CounterServer {
    CounterServer::start_as(Modes::default().legacy_only())
}

#[tokio::test]
async fn neither_the_session_id_nor_a_credential_is_readable_in_a_record() {
    let server = server();
    let directory = Directory::default();
    let pool = replica(&directory);
    let talk = conversation(&pool, server.endpoint(), "secret-talk").await;
    call(&talk, "increment").await.expect("a count");
    close(&pool).await;
    let session = server.open_sessions().remove(0);
    let sealed = directory.sealed();
    assert_eq!(sealed.len(), 2, "recorded and parked");
    for sealed in sealed {
        let text = String::from_utf8_lossy(sealed.as_bytes()).into_owned();
        for secret in [session.as_str(), "alice-token", "secret-talk", "initialize"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_record_under_other_key_material_is_dropped_and_a_session_is_opened() {
    let server = server();
    let directory = Directory::default();
    let opening = |sealing| FleetSecret::new([1; 32], 1, [sealing; 32]);
    for (round, sealing) in [1, 2, 3].into_iter().enumerate() {
        let fleet = Fleet::new(directory.clone(), opening(sealing));
        let pool = replica_of(fleet.with_budget(Duration::from_secs(5)));
        let talk = conversation(&pool, server.endpoint(), "talk").await;
        assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
        assert_eq!(server.sessions_opened(), round + 1);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_record_that_was_copied_onto_another_key_never_opens() {
    let server = server();
    let directory = Directory::default();
    let pool = replica(&directory);
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
    directory.plant(directory.sealed().remove(0));
    let other = conversation(&pool, server.endpoint(), "other").await;
    assert_eq!(call(&other, "increment").await.expect("a count"), "1");
    assert_eq!(server.sessions_opened(), 2);
    close(&pool).await;
}
