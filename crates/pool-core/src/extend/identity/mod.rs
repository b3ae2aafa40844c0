//! How a request is reduced to an identity.

mod extractor;
mod header_identity;

pub use extractor::{IdentityExtractor, OnExtractError};
pub use header_identity::{DEFAULT_IDENTITY_HEADERS, HeaderIdentity};
