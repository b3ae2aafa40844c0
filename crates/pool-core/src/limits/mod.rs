//! The limits over all keys, the quotas under them, and the lines of those who wait.

mod accounts;
mod calls;
mod capacity;
mod deadlines;
mod line;
mod lobby;
mod missing_keys;
mod pace;
#[cfg(test)]
mod properties;
mod quotas;
mod shared;
#[cfg(test)]
mod shedding;
mod sync;
mod turn;

pub(crate) use accounts::caller_lane;
pub(crate) use calls::{Begun, CallPermit, CallWait};
pub(crate) use capacity::Capacity;
pub(crate) use deadlines::Deadlines;
pub(crate) use line::{Line, Place};
pub(crate) use missing_keys::{KeyPermit, KeySeeker, MissingKeys};
pub(crate) use pace::Pace;
pub(crate) use quotas::{Owner, QuotaHolder};
pub(crate) use shared::{
    Grant, Grantee, Member, Permit, Quota, Requested, Seats, Seeker, SharedLimit,
};
pub(crate) use turn::{Return, Turn};
