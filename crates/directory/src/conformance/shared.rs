//! Claims of the session of a conversation.

use mcp_pool_core::extend::{Claim, Removal, Removed, SessionDirectory, Sharing};

use super::helpers::{LEASE, LONG, claim, key, open, pass_lease, request, reserve, revive, sealed};

/// Any number of replicas use it at the same time.
///
/// # Panics
/// The promise does not hold.
pub async fn a_shared_session_goes_to_every_claim(directory: &dyn SessionDirectory) {
    let first = request(key(), Sharing::Shared);
    let holding = open(directory, &first, "one").await;
    for _ in 0..3 {
        let (other, text) = revive(directory, &request(first.key, Sharing::Shared)).await;
        assert_eq!(other.session, holding.session);
        assert!(text == sealed("one"));
    }
    let (again, _) = revive(directory, &first).await;
    assert_eq!(again.session, holding.session);
    let recorded = directory.record(&holding, &sealed("two"), LONG).await;
    recorded.expect("the first holder still holds it");
}

/// While one replica opens it, another one waits and then gets it.
///
/// # Panics
/// The promise does not hold.
pub async fn of_two_replicas_one_opens_the_shared_session(directory: &dyn SessionDirectory) {
    let first = request(key(), Sharing::Shared);
    let holding = reserve(directory, &first).await;
    let second = request(first.key, Sharing::Shared);
    let held = claim(directory, &second).await;
    assert!(
        matches!(&held, Claim::HeldElsewhere { until } if *until <= LONG && !until.is_zero()),
        "{held:?}"
    );
    let recorded = directory.record(&holding, &sealed("one"), LONG).await;
    recorded.expect("a record");
    let (revived, _) = revive(directory, &second).await;
    assert_eq!(revived.session, holding.session);
}

/// A replica that dies while it opens the session holds up no other one.
///
/// # Panics
/// The promise does not hold.
pub async fn a_reservation_of_a_dead_replica_is_taken_over(directory: &dyn SessionDirectory) {
    let mut first = request(key(), Sharing::Shared);
    first.lease = LEASE;
    let holding = reserve(directory, &first).await;
    pass_lease().await;
    let second = request(first.key, Sharing::Shared);
    let taken = reserve(directory, &second).await;
    assert_ne!(taken.session, holding.session);
    let late = directory.record(&holding, &sealed("late"), LONG).await;
    assert!(late.is_err());
    let recorded = directory.record(&taken, &sealed("one"), LONG).await;
    recorded.expect("a record");
    let (_, text) = revive(directory, &request(first.key, Sharing::Shared)).await;
    assert!(text == sealed("one"));
}

/// The replica that gives it up last has the farewell to send.
///
/// # Panics
/// The promise does not hold.
pub async fn the_last_holder_of_a_shared_session_removes_it(directory: &dyn SessionDirectory) {
    let first = request(key(), Sharing::Shared);
    let holding = open(directory, &first, "one").await;
    let (other, _) = revive(directory, &request(first.key, Sharing::Shared)).await;
    let removed = directory.remove(&holding, Removal::Own).await;
    assert_eq!(removed.expect("a removal"), Removed::Others);
    let (kept, _) = revive(directory, &request(first.key, Sharing::Shared)).await;
    assert_eq!(kept.session, holding.session);
    let removed = directory.remove(&kept, Removal::Own).await;
    assert_eq!(removed.expect("a removal"), Removed::Others);
    let removed = directory.remove(&other, Removal::Own).await;
    assert_eq!(removed.expect("a removal"), Removed::Nothing);
    reserve(directory, &request(first.key, Sharing::Shared)).await;
}

/// The state of a conversation survives the replicas that used it.
///
/// # Panics
/// The promise does not hold.
pub async fn a_shared_session_outlives_its_dead_holders(directory: &dyn SessionDirectory) {
    let mut first = request(key(), Sharing::Shared);
    first.lease = LEASE;
    let holding = open(directory, &first, "one").await;
    pass_lease().await;
    let (revived, _) = revive(directory, &request(first.key, Sharing::Shared)).await;
    assert_eq!(revived.session, holding.session);
    // The dead one does not count among the holders.
    let removed = directory.remove(&revived, Removal::Own).await;
    assert_eq!(removed.expect("a removal"), Removed::Nothing);
}
