//! A limit that is shared, with the quotas under it, and the lines of those who seek its permits.

mod account;
mod hopeless;
mod notice;
mod quota;
mod quota_lines;
mod reading;
mod seeker;
mod seekers;
mod shared_limit;
mod state;
mod under_quotas;

pub(crate) use account::{Account, LimitKind, Member};
pub(crate) use quota::{Quota, Seat, Seats};
pub(crate) use seeker::Seeker;
#[cfg(test)]
pub(crate) use seekers::Seekers;
pub(crate) use shared_limit::{Grant, Grantee, Permit, Requested, SharedLimit};
