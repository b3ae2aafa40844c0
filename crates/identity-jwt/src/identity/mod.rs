//! The extractor and its builder.

mod build;
mod builder;
mod expected;
mod extractor;

pub use builder::JwtIdentityBuilder;
pub use extractor::{JwtIdentity, OpaqueTokens};
