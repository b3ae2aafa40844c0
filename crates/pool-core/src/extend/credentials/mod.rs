//! The headers that authenticate each request to an upstream.

mod latest;
mod session;
mod source;

pub(crate) use latest::{Credential, LatestCredentials};
pub use session::Credentials;
pub use source::{CallerHeaders, CredentialRequest, CredentialSource};
