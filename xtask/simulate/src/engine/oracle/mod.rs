//! What the pool promises, compared with what the server counts.

mod credentials;
mod evictions;
mod ledger;
mod limits;
mod usage;

pub(super) use credentials::Credentials;
pub(super) use evictions::{Evictions, selects};
pub(super) use ledger::{Ledger, Reported, Route};
pub(super) use limits::{IDLE_KEPT, Reading, check_always, check_settled};
pub(super) use usage::Usage;
