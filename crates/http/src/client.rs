//! The HTTP client that all sessions of a transport share.

use std::time::Duration;

/// A connector could not be built, since its HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("http client not built")]
pub struct BuildError(#[source] reqwest::Error);

/// The default builder: connect timeout 10 seconds, proxies of the environment.
pub fn client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT)
}

/// Builds the client with redirects off.
///
/// The redirect policy of `builder` is replaced: a redirect would send credentials to a server that
/// they are not meant for.
///
/// # Errors
/// [`BuildError`]: reqwest rejects the settings of the builder.
pub fn client(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, BuildError> {
    builder
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(BuildError)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
