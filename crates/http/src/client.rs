//! The HTTP client under all sessions of a transport.

use std::time::Duration;

/// Why a connector could not be built: the HTTP client underneath could not.
#[derive(Debug, thiserror::Error)]
#[error("http client not built")]
pub struct BuildError(#[source] reqwest::Error);

/// The default: 10 seconds to connect, no proxy but the environment's.
pub fn client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT)
}

/// The client that `builder` makes. Redirects are off whatever the builder says: they would carry
/// credentials to another place than they were given for.
///
/// # Errors
/// [`BuildError`]: the builder's settings do not make a client.
pub fn client(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, BuildError> {
    builder
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(BuildError)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
