//! Every error of the pool.

mod acquire;
mod call;
mod check;
mod classes;
mod config;
mod connect;
mod credential;
mod evidence;
mod extract;
mod fault;
mod outcome;
mod refusal;

pub use crate::types::{AffinityError, EndpointError};
pub(crate) use acquire::within;
pub use acquire::{AcquireError, Stage};
pub use call::{CallError, InputError, ListBound, SubscriptionError};
pub use check::{CheckError, HealthError};
pub use config::{ConfigError, ResizeError};
pub use connect::ConnectError;
pub use credential::{CredentialError, UserAction};
pub use evidence::Evidence;
pub use extract::{ExtractError, ExtractFault};
pub use fault::{FaultKind, Retry};
pub use outcome::{CallFailure, Outcome, SessionCondition};
pub use refusal::{Challenge, RedirectReason, Redirected, names_lost_session};
