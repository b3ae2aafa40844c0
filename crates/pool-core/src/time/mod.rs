//! Points in time, deadlines and expiry. Pure: `now` is an argument.

mod clock;
mod coarse_clock;
mod deadline;
mod expiry;
mod keepalive;
mod next_sweep;
mod seconds;

pub(crate) use clock::{Clock, Timestamp, after, nanos};
pub(crate) use coarse_clock::CoarseClock;
pub(crate) use deadline::{Deadline, Limit};
pub(crate) use expiry::{ExpiryPolicy, Freshness};
pub(crate) use keepalive::Keepalive;
pub(crate) use next_sweep::NextSweep;
pub(crate) use seconds::seconds;
