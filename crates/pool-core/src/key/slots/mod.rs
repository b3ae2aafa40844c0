//! The state machine of one key: which sessions it has, who uses them, who waits.
//!
//! Synchronous and free of I/O, clocks and tokio: every method takes the one lock, changes the
//! state, and says what is to be done outside of it. The lock comes from [`super::sync`], so that
//! a model checker can put its own in place.
//!
//! At every instant, under the lock: `open` is the number of places taken under the limit, which
//! are the members (idle, in use, draining) plus the connects under way; and whoever waits, waits
//! only while no slot is ready.

mod connect;
mod counts;
mod leave;
#[expect(
    clippy::module_inception,
    reason = "the file of the type that the folder is about"
)]
mod slots;
mod state;
mod types;

pub(crate) use slots::Slots;
pub(crate) use types::{
    Blame, Counts, Enqueued, Fate, HitCounts, Likely, Member, Origin, QueuePosition,
    ReleaseOutcome, Slot, Taken,
};
