//! The state machine of one key: which sessions it has, who uses them, who waits.
//!
//! Synchronous and free of I/O, clocks and tokio: every method takes the one lock, changes the
//! state, and returns what is to be done outside of it. The member that is used next has a
//! [way](ready) around the lock, which is closed under the lock. Lock and atomics come from
//! `super::sync`, which a model checker replaces.
//!
//! At every instant, under the lock and with the way closed: `open` is the number of members (idle, in
//! use, draining) plus the connects under way, and a waiter waits only while no slot is ready. `open` is
//! above the limit only after that was lowered, and until the members above it are released.

mod connect;
mod counts;
mod leave;
mod queue;
mod ready;
mod release;
mod resize;
mod slots;
mod spare;
mod state;
mod types;
mod wait;

pub(crate) use queue::{NewWaiter, WaitCell};
pub(crate) use slots::Slots;
pub(crate) use types::{
    Blame, Caller, Claim, Counts, Enqueued, FORFEITED, Fate, HitCounts, Left, Likely, Member,
    Origin, QueuePosition, ReleaseOutcome, Retired, Served, Slot, Ticket,
};
pub(crate) use wait::Bounds;
