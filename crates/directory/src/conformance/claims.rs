//! Claims of exclusive sessions.

use std::collections::HashSet;

use futures::future::join_all;
use mcp_pool_core::extend::{
    Claim, DirectoryError, Removal, SealedSession, SessionDirectory, Sharing,
};

use super::helpers::{LEASE, LONG, claim, key, open, pass_lease, request, reserve, revive, sealed};

/// A key without a session is reserved, each time under a fence of its own.
///
/// # Panics
/// The promise does not hold.
pub async fn the_first_claim_of_a_key_is_a_reservation(directory: &dyn SessionDirectory) {
    let request = request(key(), Sharing::Exclusive);
    let first = reserve(directory, &request).await;
    assert_eq!(first.session, request.session);
    assert_eq!(first.key, request.key);
    let second = super::helpers::request(request.key, Sharing::Exclusive);
    let second = reserve(directory, &second).await;
    assert_eq!(second.fence.incarnation, first.fence.incarnation);
    assert!(second.fence.number > first.fence.number);
}

/// A session comes back as it was recorded.
///
/// # Panics
/// The promise does not hold.
pub async fn a_session_comes_back_byte_for_byte(directory: &dyn SessionDirectory) {
    let bytes: Vec<u8> = (0..=255).chain(0..=255).collect();
    let session = SealedSession::from_bytes(bytes);
    let first = request(key(), Sharing::Exclusive);
    let holding = reserve(directory, &first).await;
    let parked = directory.park(&holding, &session, LONG).await;
    parked.expect("a parked session");
    let (_, revived) = revive(directory, &request(first.key, Sharing::Exclusive)).await;
    assert!(revived == session);
}

/// A parked session goes to one claim, and the next one gets a reservation.
///
/// # Panics
/// The promise does not hold.
pub async fn a_parked_session_goes_to_one_claim_alone(directory: &dyn SessionDirectory) {
    let first = request(key(), Sharing::Exclusive);
    let holding = open(directory, &first, "one").await;
    let parked = directory.park(&holding, &sealed("one"), LONG).await;
    parked.expect("a parked session");
    let (revived, text) = revive(directory, &request(first.key, Sharing::Exclusive)).await;
    assert_eq!(revived.session, holding.session);
    assert!(text == sealed("one"));
    reserve(directory, &request(first.key, Sharing::Exclusive)).await;
}

/// Of many claims at the same time, each parked session goes to one.
///
/// # Panics
/// The promise does not hold.
pub async fn of_many_claims_at_once_each_session_goes_to_one(directory: &dyn SessionDirectory) {
    let key = key();
    // All are opened before the first is parked, or its claim would be given the parked one.
    let mut opened = Vec::new();
    for _ in 0..8 {
        opened.push(open(directory, &request(key, Sharing::Exclusive), "one").await);
    }
    for holding in &opened {
        let parked = directory.park(holding, &sealed("one"), LONG).await;
        parked.expect("a parked session");
    }
    let requests: Vec<_> = (0..24).map(|_| request(key, Sharing::Exclusive)).collect();
    let claims = join_all(requests.iter().map(|it| directory.claim(it))).await;
    let mut given = HashSet::new();
    let mut reserved = 0;
    for claim in claims {
        match claim.expect("a claim") {
            Claim::Revive { holding, .. } => assert!(given.insert(holding.session)),
            Claim::Reserved(_) => reserved += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((given.len(), reserved), (8, 16));
}

/// A living holder keeps its session, from its own further claims as well.
///
/// # Panics
/// The promise does not hold.
pub async fn a_session_of_a_living_holder_is_not_claimed(directory: &dyn SessionDirectory) {
    let first = request(key(), Sharing::Exclusive);
    open(directory, &first, "one").await;
    reserve(directory, &request(first.key, Sharing::Exclusive)).await;
    reserve(directory, &first).await;
}

/// A dead holder loses its session, and every change that it makes afterwards is refused.
///
/// # Panics
/// The promise does not hold.
pub async fn a_session_of_a_dead_holder_is_claimed_and_its_fence_is_refused(
    directory: &dyn SessionDirectory,
) {
    let mut first = request(key(), Sharing::Exclusive);
    first.lease = LEASE;
    let old = open(directory, &first, "one").await;
    pass_lease().await;
    let (new, _) = revive(directory, &request(first.key, Sharing::Exclusive)).await;
    assert_eq!(new.session, old.session);
    assert!(new.fence.number > old.fence.number);
    let beat = directory.beat(&first.replica, LONG, None).await;
    beat.expect("a beat");
    let late = sealed("late");
    let refused = [
        directory.record(&old, &late, LONG).await,
        directory.park(&old, &late, LONG).await,
        directory.remove(&old, Removal::Own).await.map(drop),
        directory.remove(&old, Removal::Whole).await.map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(DirectoryError::Lost)), "{refused:?}");
    }
    let kept = directory.park(&new, &sealed("one"), LONG).await;
    kept.expect("the new holder's");
}

/// One beat keeps all that its replica holds.
///
/// # Panics
/// The promise does not hold.
pub async fn a_beat_keeps_every_holding_of_its_replica(directory: &dyn SessionDirectory) {
    let mut first = request(key(), Sharing::Exclusive);
    first.lease = LEASE;
    open(directory, &first, "one").await;
    let mut second = first.clone();
    second.key = key();
    open(directory, &second, "two").await;
    let beat = directory.beat(&first.replica, LONG, None).await;
    beat.expect("a beat");
    pass_lease().await;
    for key in [first.key, second.key] {
        reserve(directory, &request(key, Sharing::Exclusive)).await;
    }
}

/// A session of one key is never given for another.
///
/// # Panics
/// The promise does not hold.
pub async fn keys_are_apart(directory: &dyn SessionDirectory) {
    let first = request(key(), Sharing::Exclusive);
    let holding = open(directory, &first, "one").await;
    let parked = directory.park(&holding, &sealed("one"), LONG).await;
    parked.expect("a parked session");
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        let other = claim(directory, &request(key(), sharing)).await;
        assert!(matches!(other, Claim::Reserved(_)), "{other:?}");
    }
}
