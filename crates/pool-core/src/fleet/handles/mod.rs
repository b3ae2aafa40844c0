//! Sessions of conversations in handles that a gateway's own client carries.

mod content;
mod directory;
mod error;
mod handle;

pub(super) use content::HandleContent;
pub(crate) use directory::Handles;
pub(super) use directory::{MAX_VALIDITY, Presented};
pub use error::HandleError;
pub use handle::SessionHandle;
