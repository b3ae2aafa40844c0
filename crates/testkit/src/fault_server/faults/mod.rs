//! The faults, the requests that they strike, and both as text.

mod armed;
mod fault;
mod order;

pub use armed::When;
pub(super) use armed::{Armed, strike};
pub use fault::Fault;
pub use order::OrderError;
