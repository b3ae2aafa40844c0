//! The ends of records.

use mcp_pool_core::extend::{DirectoryError, Removal, Removed, SessionDirectory, Sharing};

use super::helpers::{LONG, SHORT, key, open, pass, request, reserve, revive, sealed};

/// A session that is over is claimed by no replica, whichever of them held it.
///
/// # Panics
/// The promise does not hold.
pub async fn a_removal_of_the_whole_leaves_nothing_to_claim(directory: &dyn SessionDirectory) {
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        let first = request(key(), sharing);
        let holding = open(directory, &first, "one").await;
        if sharing == Sharing::Shared {
            revive(directory, &request(first.key, sharing)).await;
        }
        let removed = directory.remove(&holding, Removal::Whole).await;
        assert_eq!(removed.expect("a removal"), Removed::Nothing);
        reserve(directory, &request(first.key, sharing)).await;
    }
}

/// A record is gone at its end.
///
/// # Panics
/// The promise does not hold.
pub async fn a_record_ends_with_its_life(directory: &dyn SessionDirectory) {
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        let first = request(key(), sharing);
        let holding = reserve(directory, &first).await;
        let parked = directory.park(&holding, &sealed("one"), SHORT).await;
        parked.expect("a parked session");
        pass().await;
        reserve(directory, &request(first.key, sharing)).await;
    }
}

/// What has ended is not recorded again, and leaves its farewell to its last holder.
///
/// # Panics
/// The promise does not hold.
pub async fn what_has_ended_is_not_kept(directory: &dyn SessionDirectory) {
    let holding = reserve(directory, &request(key(), Sharing::Exclusive)).await;
    let recorded = directory.record(&holding, &sealed("one"), SHORT).await;
    recorded.expect("a record");
    pass().await;
    let late = directory.record(&holding, &sealed("one"), LONG).await;
    assert!(matches!(late, Err(DirectoryError::Lost)), "{late:?}");
    let removed = directory.remove(&holding, Removal::Own).await;
    assert_eq!(removed.expect("a removal"), Removed::Nothing);
}
