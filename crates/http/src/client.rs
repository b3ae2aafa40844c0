//! The HTTP client that all sessions of a transport share.

use std::time::Duration;

use http::{HeaderName, header};

use crate::{compression::without_compression, http2::with_known_versions};

/// A connector could not be built, since its HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// reqwest rejects the settings of the builder.
    #[error("http client not built")]
    Client(#[source] reqwest::Error),
    /// The builder keeps cookies. They would be sent with the requests of all users.
    #[error("the http client keeps cookies, which all users would share")]
    SharedCookies,
}

/// The default builder: connect timeout 10 seconds, proxies of the environment, the
/// [user agent](USER_AGENT) of the pool, connections idle for 4 seconds at most.
///
/// Proxies and servers close idle connections after 5 seconds or more. A request that is sent on a
/// connection while it is closed has an unknown outcome, so the client closes it first.
pub fn client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
}

/// Builds the client with redirects off, and with the [user agent](USER_AGENT) of the pool where the
/// builder has none.
///
/// The redirect policy of `builder` is replaced: [`send`](crate::send) follows the redirects that a
/// credential may follow.
///
/// # Errors
/// [`BuildError::Client`]: reqwest rejects the settings of the builder.
/// [`BuildError::SharedCookies`]: the builder has a cookie store.
pub fn client(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, BuildError> {
    let shown = format!("{builder:?}");
    if shown.contains(COOKIE_STORE) {
        return Err(BuildError::SharedCookies);
    }
    let builder = match has_header(&shown, &header::USER_AGENT) {
        true => builder,
        false => builder.user_agent(USER_AGENT),
    };
    with_known_versions(without_compression(builder))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(BuildError::Client)
}

/// The `User-Agent` of requests for which neither the caller nor the builder of the client has one.
pub const USER_AGENT: &str = concat!("mcp-session-pool/", env!("CARGO_PKG_VERSION"));

/// Whether a builder has this default header.
///
/// reqwest's builder has no getters: its `Debug` output is the one place where its settings can be
/// read. Tests fail where a version of reqwest shows them otherwise.
fn has_header(shown: &str, name: &HeaderName) -> bool {
    shown.contains(&format!("\"{name}\": "))
}

/// What the `Debug` output of a builder with a cookie store has. Only a build of reqwest with the
/// feature `cookies` has the store, so that no code of this crate can turn it off.
const COOKIE_STORE: &str = "cookie_store: true";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_of_the_builder_is_seen() {
        let builder = reqwest::Client::builder;
        let shown = |builder: reqwest::ClientBuilder| format!("{builder:?}");
        assert!(!has_header(&shown(builder()), &header::USER_AGENT));
        let named = builder().user_agent("mine/1");
        assert!(has_header(&shown(named), &header::USER_AGENT));
    }

    #[test]
    fn a_builder_with_a_cookie_store_is_refused() {
        assert!(client(client_builder()).is_ok());
        assert!(client(client_builder().cookie_store(false)).is_ok());
        let jar = std::sync::Arc::new(reqwest::cookie::Jar::default());
        for builder in [
            client_builder().cookie_store(true),
            client_builder().cookie_provider(jar),
        ] {
            let refused = client(builder).expect_err("a cookie store");
            assert!(matches!(refused, BuildError::SharedCookies));
        }
    }
}
