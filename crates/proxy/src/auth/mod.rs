//! Callers by their bearer tokens.

mod authenticator;
mod bearer;
mod challenge;
mod owners;
mod resource;
mod service;

pub use bearer::BearerAuth;
pub use resource::ProtectedResource;
pub use service::BearerAuthService;
