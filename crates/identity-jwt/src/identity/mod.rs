//! The extractor and its builder.

mod build;
mod builder;
mod expected;
mod extractor;
mod opaque;

pub use builder::JwtIdentityBuilder;
pub use extractor::JwtIdentity;
pub use opaque::OpaqueTokens;
