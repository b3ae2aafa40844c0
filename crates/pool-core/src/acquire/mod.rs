//! How a caller gets a session.

mod acquirer;
mod calls;
mod check;
mod connect;
mod direct;
mod held_leases;
mod hit;
mod lease;
mod queue;
mod resolve;
mod slow;
mod upkeep;
mod wait_cells;

pub(crate) use acquirer::{Acquirer, Site};
pub(crate) use connect::Connects;
pub(crate) use held_leases::{Held, HeldLeases};
pub use lease::Lease;
pub use resolve::AcquireRequest;
pub(crate) use resolve::{
    Identification, KeyFactory, RequestParts, Resolved, Resolver, ResolverParts, shrink,
};
pub(crate) use upkeep::{check_idle, open_spares};
