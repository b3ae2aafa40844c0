//! What an upstream answers instead of executing a request.

mod challenge;
mod lost_session;
mod redirected;
mod retry_after;

pub use challenge::Challenge;
pub use lost_session::names_lost_session;
pub use redirected::{RedirectReason, Redirected};
pub(super) use retry_after::retry_after;
