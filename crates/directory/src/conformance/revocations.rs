//! Revocations.

use mcp_pool_core::extend::{ReplicaId, SessionDirectory, Sharing};

use super::helpers::{LONG, key, mark, open, request, reserve, revive, sealed};

/// Once a revocation is confirmed, no session from before is claimed; others are.
///
/// # Panics
/// The promise does not hold.
pub async fn a_revoked_session_is_never_claimed(directory: &dyn SessionDirectory) {
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        let (revoked, other) = (mark(), mark());
        let mut first = request(key(), sharing);
        first.marks = vec![other, revoked];
        let mut second = request(key(), sharing);
        second.marks = vec![other];
        for request in [&first, &second] {
            let holding = open(directory, request, "one").await;
            let parked = directory.park(&holding, &sealed("one"), LONG).await;
            parked.expect("a parked session");
        }
        directory.revoke(&revoked).await.expect("a revocation");
        let holding = reserve(directory, &first).await;
        revive(directory, &second).await;
        // What is recorded afterwards is of the new generation.
        let parked = directory.park(&holding, &sealed("two"), LONG).await;
        parked.expect("a parked session");
        let (_, text) = revive(directory, &first).await;
        assert!(text == sealed("two"));
    }
}

/// A session whose opening began before a revocation is of the old generation.
///
/// # Panics
/// The promise does not hold.
pub async fn a_reservation_from_before_a_revocation_is_never_claimed(
    directory: &dyn SessionDirectory,
) {
    let revoked = mark();
    let mut first = request(key(), Sharing::Exclusive);
    first.marks = vec![revoked];
    let holding = reserve(directory, &first).await;
    directory.revoke(&revoked).await.expect("a revocation");
    // The store may refuse it at once.
    let _ = directory.park(&holding, &sealed("old"), LONG).await;
    reserve(directory, &first).await;
}

/// A beat brings what was revoked since the one before.
///
/// # Panics
/// The promise does not hold.
pub async fn a_beat_brings_each_revocation_once(directory: &dyn SessionDirectory) {
    let replica = ReplicaId::random();
    let beat = async |seen| directory.beat(&replica, LONG, seen).await.expect("a beat");
    directory.revoke(&mark()).await.expect("a revocation");
    let first = beat(None).await;
    assert_eq!(
        first.revoked,
        [],
        "those from before concern no session here"
    );
    let (one, two) = (mark(), mark());
    for mark in [one, two, one] {
        directory.revoke(&mark).await.expect("a revocation");
    }
    let second = beat(Some(first.seen)).await;
    let is_brought = |mark| second.revoked.iter().any(|it| it.mark == mark);
    assert!(is_brought(one) && is_brought(two) && second.revoked.len() <= 3);
    assert_eq!(second.incarnation, first.incarnation);
    let third = beat(Some(second.seen)).await;
    assert_eq!((third.revoked, third.seen), (Vec::new(), second.seen));
}

/// The number of a revocation is higher than the fences from before it, and lower than those after it.
///
/// # Panics
/// The promise does not hold.
pub async fn a_revocation_is_numbered_among_the_fences(directory: &dyn SessionDirectory) {
    let replica = ReplicaId::random();
    let first = directory.beat(&replica, LONG, None).await.expect("a beat");
    let before = reserve(directory, &request(key(), Sharing::Shared)).await;
    let revoked = mark();
    directory.revoke(&revoked).await.expect("a revocation");
    let after = reserve(directory, &request(key(), Sharing::Shared)).await;
    let beat = directory.beat(&replica, LONG, Some(first.seen)).await;
    let brought = beat.expect("a beat").revoked;
    let number = brought.iter().find(|it| it.mark == revoked);
    let number = number.expect("the revocation").number;
    assert!(before.fence.number < number && number < after.fence.number);
}
