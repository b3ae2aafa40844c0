//! Every way in which the pool says no.

mod acquire;
mod call;
mod connect;

pub use acquire::{AcquireError, Stage};
pub use call::{CallError, CallFailure, InputError, Outcome};
pub use connect::ConnectError;
