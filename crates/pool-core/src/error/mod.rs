//! Every error of the pool.

mod acquire;
mod call;
mod challenge;
mod check;
mod classes;
mod config;
mod connect;
mod credential;
mod extract;
mod fault;
mod lost_session;
mod outcome;

pub use crate::types::EndpointError;
pub(crate) use acquire::within;
pub use acquire::{AcquireError, Stage};
pub use call::{CallError, InputError, ListBound};
pub use challenge::Challenge;
pub use check::{CheckError, HealthError};
pub use config::{ConfigError, ResizeError};
pub use connect::ConnectError;
pub use credential::CredentialError;
pub use extract::{ExtractError, ExtractFault};
pub use fault::{FaultKind, Retry};
pub use lost_session::names_lost_session;
pub use outcome::{CallFailure, Evidence, Outcome, SessionCondition};
