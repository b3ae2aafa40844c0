//! Verification keys, given by the application or fetched from a URL.

mod fetch;
mod jwk;
mod key;
mod remote;
mod set;
mod settings;
mod source;

pub(crate) use fetch::Fetcher;
pub(crate) use remote::{FetchOutcome, FetchedSet, RemoteKeys};
pub(crate) use set::KeySet;
pub use settings::JwksSettings;
pub use source::JwtKeys;
pub(crate) use source::KeySource;
