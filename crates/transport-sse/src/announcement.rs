//! The endpoint that a server announces for messages.

use mcp_pool_core::error::{ConnectError, FaultKind};
use reqwest::Url;

/// The connector rejected the endpoint that a server announced.
///
/// It is the source of a [`ConnectError`](mcp_pool_core::error::ConnectError) of kind `Protocol`.
/// The server is at fault. A server that may announce any address could send the caller's
/// credentials to another server. No protocol revision forbids that, but every official client
/// stays on the origin of the stream. The error shows no part of the address, which holds the
/// session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnouncementError {
    /// The URL holds a user name or a password, which reqwest would send.
    #[error("the announced endpoint holds credentials")]
    Credentials,
    /// The scheme, host or port differs from that of the stream.
    #[error("the announced endpoint is of another origin than the stream")]
    CrossOrigin,
    /// The text is no URL reference.
    #[error("the announced endpoint is no url")]
    Syntax,
}

impl From<AnnouncementError> for ConnectError {
    fn from(error: AnnouncementError) -> Self {
        Self::new(FaultKind::Protocol).with_source(error)
    }
}

/// Resolves the announced endpoint against the URL of the stream.
pub(crate) fn resolve(stream: &Url, announced: &str) -> Result<Url, AnnouncementError> {
    let mut url = stream
        .join(announced.trim())
        .map_err(|_| AnnouncementError::Syntax)?;
    if url.origin() != stream.origin() {
        return Err(AnnouncementError::CrossOrigin);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AnnouncementError::Credentials);
    }
    // A fragment is never sent. Without it, equal endpoints compare equal.
    url.set_fragment(None);
    Ok(url)
}

/// The session id, if the URL has it in a query parameter of a known name.
pub(crate) fn session_id(url: &Url) -> Option<String> {
    let named = url.query_pairs().find(|(name, _)| NAMES.contains(&&**name));
    named.map(|(_, id)| id.into_owned())
}

/// The names that servers use for the parameter.
const NAMES: [&str; 2] = ["sessionId", "session_id"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolved(announced: &str) -> Result<String, AnnouncementError> {
        let stream = "https://example.com/api/sse?key=1".parse().unwrap();
        resolve(&stream, announced).map(String::from)
    }

    #[test]
    fn every_notation_of_an_endpoint_on_the_streams_origin_is_accepted() {
        for (announced, url) in [
            (
                "/messages?sessionId=1",
                "https://example.com/messages?sessionId=1",
            ),
            ("messages/", "https://example.com/api/messages/"),
            ("?session_id=1", "https://example.com/api/sse?session_id=1"),
            ("//example.com/m", "https://example.com/m"),
            ("HTTPS://EXAMPLE.com:443/m#part", "https://example.com/m"),
            (" /m ", "https://example.com/m"),
        ] {
            assert_eq!(resolved(announced).unwrap(), url, "{announced}");
        }
    }

    #[test]
    fn an_endpoint_of_another_origin_is_rejected() {
        for announced in [
            "http://example.com/m",
            "https://example.com:8443/m",
            "https://example.org/m",
            "https://example.com.evil.test/m",
            "//evil.test/m",
            "\\\\evil.test\\m",
            "/\\evil.test/m",
            "https://example.com@evil.test/m",
            "javascript:alert(1)",
            "data:,x",
            "file:///etc/passwd",
        ] {
            let rejected = resolved(announced).unwrap_err();
            assert_eq!(rejected, AnnouncementError::CrossOrigin, "{announced}");
        }
    }

    #[test]
    fn an_endpoint_with_credentials_or_bad_syntax_is_rejected() {
        for announced in ["https://user:pw@example.com/m", "//user@example.com/m"] {
            let rejected = resolved(announced).unwrap_err();
            assert_eq!(rejected, AnnouncementError::Credentials, "{announced}");
        }
        assert_eq!(resolved("https://").unwrap_err(), AnnouncementError::Syntax);
    }

    #[test]
    fn the_session_id_is_found_under_either_name() {
        for (url, id) in [
            ("https://e/m?x=1&sessionId=a%2Fb", Some("a/b")),
            ("https://e/m?session_id=c", Some("c")),
            ("https://e/m?sessionid=c", None),
            ("https://e/m/sessionId=c", None),
        ] {
            assert_eq!(session_id(&url.parse().unwrap()).as_deref(), id, "{url}");
        }
    }

    proptest! {
        #[test]
        fn messages_stay_on_the_streams_origin_for_any_announcement(
            announced in "(https?:)?[/\\\\]{0,3}[a-z.:@%0-9\\[\\]?#\t\n]{0,30}|\\PC{0,30}",
        ) {
            let stream: Url = "https://example.com/sse".parse().unwrap();
            if let Ok(url) = resolve(&stream, &announced) {
                prop_assert_eq!(url.scheme(), "https");
                prop_assert_eq!(url.host_str(), Some("example.com"));
                prop_assert_eq!(url.port_or_known_default(), Some(443));
                prop_assert_eq!((url.username(), url.password()), ("", None));
                prop_assert_eq!(url.fragment(), None);
            }
        }
    }
}
