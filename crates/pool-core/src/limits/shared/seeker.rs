//! What seeks permits under a limit.

use super::{
    super::sync::AtomicBool,
    account::Member,
    quota::{Seat, Seats},
};

/// Something that seeks permits under a limit.
///
/// The lock of a limit is taken before that of a seeker, never while it is held.
pub(crate) trait Seeker: Clone + Send + Sync + 'static {
    /// What a permit is reserved for.
    type Need: Send;

    /// A number that no other seeker has as long as this one lives.
    fn number(&self) -> usize;

    /// The seeker's place among those who share the limit.
    fn member(&self) -> &Member;

    /// The seeker's places under the quotas that concern it. They change under the lock of the limit.
    fn seats(&self) -> Option<&Seats>;

    /// As [`seats`](Self::seats); empty where it has none.
    fn places(&self) -> &[Seat] {
        self.seats().map_or(&[], |seats| seats)
    }

    /// Reserves a permit for what the seeker needs one for. `None` when it needs none any more.
    fn reserve(&self) -> Option<Self::Need>;

    /// True while the seeker needs a permit.
    fn seeks(&self) -> bool;

    /// True while the seeker has no permit at all.
    fn has_none(&self) -> bool;

    /// The next deadline of those who wait for what it seeks, in nanoseconds; `None` where it has none.
    fn next_deadline(&self) -> Option<u64> {
        None
    }

    /// True while the seeker is in a line, or about to be. Written under the lock of the limit.
    fn is_in_line(&self) -> &AtomicBool;
}
