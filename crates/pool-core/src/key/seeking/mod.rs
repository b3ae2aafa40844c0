//! How keys come by the permits for their sessions.

mod key_quotas;
mod key_seeks;
mod reservation;
mod session_seeker;
mod waiter;

pub(crate) use key_quotas::KeyQuotas;
pub(crate) use reservation::Reservation;
pub(crate) use session_seeker::{SessionGrant, SessionPermit, SessionSeeker};
pub(crate) use waiter::{Lack, Requester, SessionCell, Waiter};
