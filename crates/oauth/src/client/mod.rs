//! What authorization servers know of this client.

mod authenticate;
mod authentication;
mod key;
mod registered;
mod registration;

pub use authentication::ClientAuthentication;
pub use key::{SigningAlgorithm, SigningKey};
pub use registered::RegisteredClient;
pub(crate) use registration::{Registration, register};
