//! The headers that authenticate each request to an upstream.

mod call_context;
mod latest;
mod session;
mod source;

pub use call_context::CallContext;
pub(crate) use latest::{Credential, LatestCredentials};
pub use session::Credentials;
pub use source::{CallerHeaders, CredentialRequest, CredentialSource};
