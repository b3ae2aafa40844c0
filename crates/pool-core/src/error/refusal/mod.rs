//! What an upstream answers instead of executing a request.

mod challenge;
mod redirected;
mod retry_after;

pub use challenge::Challenge;
pub use redirected::{RedirectReason, Redirected};
pub(super) use retry_after::retry_after;
