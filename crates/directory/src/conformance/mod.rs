//! The suite that every engine of a directory must pass.

mod claims;
mod ends;
mod helpers;
mod hints;
mod revocations;
mod shared;

pub use claims::*;
pub use ends::*;
pub use hints::*;
pub use revocations::*;
pub use shared::*;

/// Mounts the suite: one test a promise, each with a directory of its own. The expression may await.
#[macro_export]
macro_rules! directory_suite {
    ($make:expr) => {
        $crate::directory_suite!(@each $make;
            the_first_claim_of_a_key_is_a_reservation
            a_session_comes_back_byte_for_byte
            a_parked_session_goes_to_one_claim_alone
            of_many_claims_at_once_each_session_goes_to_one
            a_session_of_a_living_holder_is_not_claimed
            a_session_of_a_dead_holder_is_claimed_and_its_fence_is_refused
            a_beat_keeps_every_holding_of_its_replica
            keys_are_apart
            a_shared_session_goes_to_every_claim
            of_two_replicas_one_opens_the_shared_session
            a_reservation_of_a_dead_replica_is_taken_over
            the_last_holder_of_a_shared_session_removes_it
            a_shared_session_outlives_its_dead_holders
            a_removal_of_the_whole_leaves_nothing_to_claim
            a_record_ends_with_its_life
            what_has_ended_is_not_kept
            a_revoked_session_is_never_claimed
            a_reservation_from_before_a_revocation_is_never_claimed
            a_beat_brings_each_revocation_once
            a_revocation_is_numbered_among_the_fences
            a_hint_comes_back_until_its_time_is_over
            the_latest_hint_of_an_upstream_counts
        );
    };
    (@each $make:expr; $($promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                let directory = $make;
                $crate::conformance::$promise(&directory).await;
            }
        )*
    };
}
