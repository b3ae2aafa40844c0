//! The headers that authenticate each request to an upstream.

mod latest;
mod request;
mod session;
mod source;

pub(crate) use latest::{Credential, KeyCredentials, LatestCredentials};
pub use request::{CredentialRefusal, CredentialRequest, HttpTarget, RequestKind, RequestTarget};
pub use session::Credentials;
pub use source::{CallerHeaders, CredentialSource};
