#![doc = include_str!("../README.md")]

// Ground first: a module imports only modules above it.
mod problem;

mod secret;

mod oauth;
mod upstream;

mod credentials;

mod read;

mod config;

pub use config::FileConfig;
pub use credentials::UpstreamCredentials;
pub use oauth::{OAuthClient, OAuthGrant, OAuthSettings};
pub use problem::{FileConfigError, Problem};
pub use read::Format;
pub use upstream::ConfiguredUpstream;

// The public signatures name types of this crate.
pub use mcp_pool_core;
