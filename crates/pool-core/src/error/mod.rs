//! Every way in which the pool says no.

mod acquire;
mod call;
mod config;
mod connect;

pub use acquire::{AcquireError, Stage};
pub use call::{CallError, CallFailure, InputError, Outcome};
pub use config::ConfigError;
pub use connect::ConnectError;

pub use crate::{
    credentials::CredentialError,
    endpoint::EndpointError,
    fault::{Challenge, FaultKind, Retry},
    health::HealthError,
    identity::{ExtractError, ExtractFault},
    probe::CheckError,
};
