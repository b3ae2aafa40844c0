//! A revocation reaches every replica.

use std::time::Duration;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    EvictMode, Principal, Selector,
    extend::{CloseOutcome, Reach},
};

use super::setup::{Directory, LEASE, fleet, replica, replica_of};
use crate::setup::until;
use crate::setup::{call, client, close, conversation, pool};

fn server() -> CounterServer {
    CounterServer::start_as(Modes::default().legacy_only())
}

fn alice() -> Selector {
    Selector::principal(&Principal::user("alice"))
}

#[tokio::test]
async fn every_replica_closes_what_one_of_them_revoked() {
    let server = server();
    let directory = Directory::default();
    let networks: [_; 2] = std::array::from_fn(|_| directory.for_replica());
    let pools = [0, 1].map(|one| replica_of(fleet(&networks[one]).with_lease(LEASE)));
    for pool in &pools {
        for user in ["alice", "bob"] {
            let client = client(pool, server.endpoint(), user).await;
            call(&client, "increment").await.expect("a count");
        }
    }
    // The first beat knows which revocations are old.
    let have_beaten = || networks.iter().all(|network| network.beats() > 0);
    until("beats", have_beaten).await;
    let (report, reach) = pools[0].revoke_everywhere(&alice()).await;
    assert_eq!(report.closing, 1);
    assert_eq!(reach, Reach::Fleet { within: LEASE / 3 });
    until("both sessions of alice are closed", || {
        server.sessions_closed() == 2
    })
    .await;
    for pool in &pools {
        let bob = client(pool, server.endpoint(), "bob").await;
        assert_eq!(call(&bob, "increment").await.expect("a count"), "2");
    }
    assert_eq!(server.sessions_opened(), 4);
    for pool in &pools {
        close(pool).await;
    }
}

#[tokio::test]
async fn a_session_that_was_opened_after_a_revocation_outlives_its_late_news() {
    let server = server();
    let directory = Directory::default();
    let networks: [_; 3] = std::array::from_fn(|_| directory.for_replica());
    let pools = [0, 1, 2].map(|one| replica_of(fleet(&networks[one]).with_lease(LEASE)));
    let mut talks = Vec::new();
    for pool in &pools {
        talks.push(conversation(pool, server.endpoint(), "talk").await);
    }
    assert_eq!(call(&talks[0], "increment").await.expect("a count"), "1");
    // The first beat knows which revocations are old.
    let beats = || networks.each_ref().map(Directory::beats);
    until("beats", || beats().iter().all(|beats| *beats > 0)).await;
    pools[2].revoke_everywhere(&alice()).await;
    // Another replica claims before it has beaten.
    assert_eq!(call(&talks[1], "increment").await.expect("a count"), "1");
    assert_eq!(call(&talks[2], "increment").await.expect("a count"), "2");
    // The next beat but one has begun after the revocation, and brings its news.
    let before = beats();
    let have_beaten = || {
        let beats = beats();
        beats
            .iter()
            .zip(before)
            .all(|(now, before)| *now > before + 1)
    };
    until("later beats", have_beaten).await;
    assert_eq!(call(&talks[2], "increment").await.expect("a count"), "3");
    assert_eq!(call(&talks[1], "increment").await.expect("a count"), "4");
    for pool in &pools {
        close(pool).await;
    }
}

#[tokio::test]
async fn a_session_whose_connect_the_news_of_an_earlier_revocation_meet_stays_the_fleets() {
    let server = server();
    let directory = Directory::default();
    let of_late = directory.for_replica();
    let [early, late]: [_; 2] = [&directory, &of_late].map(|directory| {
        let fleet = fleet(directory);
        replica_of(fleet.with_lease(Duration::from_secs(60)))
    });
    // A session from before the revocation shows when its news have come.
    let before = conversation(&late, server.endpoint(), "before").await;
    call(&before, "increment").await.expect("a count");
    // The first beat knows which revocations are old.
    until("a beat", || of_late.beats() > 0).await;
    of_late.hold_beats(true);
    early.revoke_everywhere(&alice()).await;
    of_late.hold_records(true);
    let talk = conversation(&late, server.endpoint(), "talk").await;
    let connecting = tokio::spawn(async move { call(&talk, "increment").await });
    let elsewhere = conversation(&early, server.endpoint(), "talk").await;
    until("the session is recorded", || of_late.sealed().len() == 2).await;
    assert_eq!(call(&elsewhere, "increment").await.expect("a count"), "1");
    of_late.hold_beats(false);
    until("the news have come", || server.sessions_closed() == 1).await;
    of_late.hold_records(false);
    connecting
        .await
        .expect("no panic")
        .expect("a count on some session");
    for count in ["3", "4", "5"] {
        assert_eq!(call(&elsewhere, "increment").await.expect("a count"), count);
    }
    assert_eq!(server.sessions_opened(), 2);
    close(&early).await;
    close(&late).await;
}

#[tokio::test]
async fn the_news_of_a_revocation_come_before_the_next_beat() {
    let server = server();
    let directory = Directory::default();
    let lease = Duration::from_secs(600);
    let pools: [_; 2] = std::array::from_fn(|_| replica_of(fleet(&directory).with_lease(lease)));
    for pool in &pools {
        let client = client(pool, server.endpoint(), "alice").await;
        call(&client, "increment").await.expect("a count");
    }
    pools[0].revoke_everywhere(&alice()).await;
    until("both sessions of alice are closed", || {
        server.sessions_closed() == 2
    })
    .await;
    for pool in &pools {
        close(pool).await;
    }
}

#[tokio::test]
async fn a_session_that_was_parked_before_a_revocation_is_never_revived() {
    let server = server();
    let directory = Directory::default();
    let first = replica(&directory);
    let talk = conversation(&first, server.endpoint(), "talk").await;
    call(&talk, "increment").await.expect("a count");
    let identity = client(&first, server.endpoint(), "alice").await;
    call(&identity, "increment").await.expect("a count");
    close(&first).await;
    let second = replica(&directory);
    let (_, reach) = second.revoke_everywhere(&alice()).await;
    assert!(matches!(reach, Reach::Fleet { .. }), "{reach:?}");
    let talk = conversation(&second, server.endpoint(), "talk").await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
    let identity = client(&second, server.endpoint(), "alice").await;
    assert_eq!(call(&identity, "increment").await.expect("a count"), "1");
    assert_eq!(server.sessions_opened(), 4);
    close(&second).await;
}

#[tokio::test]
async fn a_revocation_that_reaches_this_process_alone_is_reported_so() {
    let server = server();
    let directory = Directory::default();
    for pool in [replica(&directory), pool(Default::default())] {
        let client = client(&pool, server.endpoint(), "alice").await;
        call(&client, "increment").await.expect("a count");
        directory.set_down(true);
        let (report, reach) = pool.revoke_everywhere(&alice()).await;
        assert_eq!((report.closing, reach), (1, Reach::LocalOnly));
        close(&pool).await;
    }
    assert_eq!(CloseOutcome::HandedOver.as_str(), "handed_over");
}

#[tokio::test]
async fn what_was_revoked_while_the_directory_was_away_is_never_revived_and_is_revoked_there_later()
{
    let server = server();
    let directory = Directory::default();
    let first = replica(&directory);
    let talk = conversation(&first, server.endpoint(), "talk").await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
    close(&first).await;
    let network = directory.for_replica();
    let second = replica_of(fleet(&network).with_lease(LEASE));
    network.refuse_revocations(true);
    let (_, reach) = second.revoke_everywhere(&alice()).await;
    assert_eq!(reach, Reach::LocalOnly);
    let talk = conversation(&second, server.endpoint(), "talk").await;
    assert_eq!(call(&talk, "increment").await.expect("a count"), "1");
    network.refuse_revocations(false);
    until("it is revoked", || network.revocations() == 1).await;
    close(&second).await;
}

#[tokio::test]
async fn an_eviction_ends_a_conversation_on_its_server() {
    let server = server();
    let directory = Directory::default();
    let pool = replica(&directory);
    let talk = conversation(&pool, server.endpoint(), "talk").await;
    call(&talk, "increment").await.expect("a count");
    pool.evict(&Selector::conversation("talk"), EvictMode::Graceful);
    until("the farewell", || server.sessions_closed() == 1).await;
    assert_eq!(directory.store.sessions(), 0);
    close(&pool).await;
}
