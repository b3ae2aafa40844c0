//! Authorization by a user.

mod pending;
mod response;
mod scopes;

pub(crate) use pending::{NewPending, Pending};
pub use response::AuthorizationResponse;
pub(crate) use scopes::ScopeChoice;
