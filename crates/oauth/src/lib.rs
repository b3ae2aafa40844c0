#![doc = include_str!("../README.md")]

// Ground first: a module imports only modules above it.
mod encoding;
mod needed;
mod secret;
mod store;

mod error;
mod net;

mod discovery;

mod client;
mod dpop;

mod grant;
mod token;

mod account;
mod flow;

mod source;

// The public signatures name types of these crates.
pub use http;
pub use reqwest;
pub use url;

pub use client::{ClientAuthentication, RegisteredClient, SigningAlgorithm, SigningKey};
pub use dpop::DpopKey;
pub use error::{ErrorCode, OAuthError, Step};
pub use flow::AuthorizationResponse;
pub use grant::{
    EnterpriseManaged, Grant, InboundToken, SubjectRequest, SubjectSource, TokenExchange, TokenType,
};
pub use needed::AuthorizationNeeded;
pub use secret::Secret;
pub use source::{BuildError, OAuthBuilder, OAuthCredentials};
pub use store::{CredentialStore, FileStore, MemoryStore, Record, RecordName, StoreError};
