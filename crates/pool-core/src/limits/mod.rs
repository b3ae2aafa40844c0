//! The limits over all keys, and the lines of those who wait under a limit.

mod account;
mod capacity;
mod lanes;
mod line;
mod lobby;
mod notice;
mod pace;
mod seeker;
mod seekers;
mod shared_limit;
mod standing;

pub(crate) use account::{Member, caller_lane};
pub(crate) use capacity::Capacity;
pub(crate) use line::{Line, Place};
pub(crate) use pace::Pace;
pub(crate) use seeker::Seeker;
pub(crate) use shared_limit::{Grant, Grantee, Permit, Requested, SharedLimit};
