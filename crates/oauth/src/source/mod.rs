//! The credential source, and the work behind it.

mod assertions;
mod authorize;
mod builder;
mod clients;
mod complete;
mod credentials;
mod engine;
mod headers;
mod job;
mod obtain;
mod renew;

pub use builder::{BuildError, OAuthBuilder};
pub use credentials::OAuthCredentials;
