//! Points in time, deadlines and expiry. Pure: `now` is an argument.

mod clock;
mod deadline;
mod expiry;

pub(crate) use clock::{Clock, Timestamp, after};
pub(crate) use deadline::Deadline;
pub(crate) use expiry::{ExpiryPolicy, Freshness};
