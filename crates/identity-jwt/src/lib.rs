#![doc = include_str!("../README.md")]

mod claims;
mod error;
mod identity;
mod keys;
mod time;
mod token;
mod token_cache;
mod verified_claims;
mod verified_token;

pub use claims::JwtClaim;
pub use error::{JwtConfigError, JwtKeyError, JwtRefusal};
pub use identity::{JwtIdentity, JwtIdentityBuilder, OpaqueTokens};
pub use jsonwebtoken::Algorithm;
// A public signature names a type of this crate.
pub use keys::{JwksSettings, JwtKeys};
pub use reqwest;
pub use token_cache::JwtCacheSettings;
pub use verified_claims::VerifiedClaims;
pub use verified_token::VerifiedToken;
