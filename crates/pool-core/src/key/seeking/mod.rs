//! How keys come by a permit: one for themselves, and one for each of their sessions.

mod key_quotas;
mod key_seeks;
mod missing_keys;
mod reservation;
mod session_seeker;
mod waiter;

pub(crate) use key_quotas::KeyQuotas;
pub(crate) use missing_keys::{KeyPermit, KeySeeker, MissingKeys};
pub(crate) use reservation::Reservation;
pub(crate) use session_seeker::{SessionGrant, SessionPermit, SessionSeeker};
pub(crate) use waiter::{Lack, Requester, Waiter};
