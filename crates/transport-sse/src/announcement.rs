//! Where a server wants its messages.

use mcp_pool_core::error::{ConnectError, FaultKind};
use reqwest::Url;

/// Why the endpoint that a server announced is not used. The source of a
/// [`ConnectError`](mcp_pool_core::error::ConnectError) of kind `Protocol`.
///
/// A server that may name any address would be given the credentials of whoever is served. No
/// revision says so, but every official client keeps to the stream's own origin. Shows no part of the
/// address, which holds the session's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnouncementError {
    /// It holds a user name or a password, which would be sent along.
    #[error("the announced endpoint holds credentials")]
    Credentials,
    /// Its scheme, host or port is not the stream's.
    #[error("the announced endpoint is of another origin than the stream")]
    CrossOrigin,
    /// It is no URL reference.
    #[error("the announced endpoint is no url")]
    Syntax,
}

impl From<AnnouncementError> for ConnectError {
    fn from(error: AnnouncementError) -> Self {
        Self::new(FaultKind::Protocol).with_source(error)
    }
}

/// The address behind what a server announced on the stream at `stream`.
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
    url.set_fragment(None);
    Ok(url)
}

/// The session's id, where the address shows one under a name that servers give it.
pub(crate) fn session_id(url: &Url) -> Option<String> {
    let named = url.query_pairs().find(|(name, _)| NAMES.contains(&&**name));
    named.map(|(_, id)| id.into_owned())
}

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
    fn an_endpoint_of_the_streams_origin_is_taken_however_it_is_written() {
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
    fn any_other_origin_is_refused() {
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
            let refused = resolved(announced).unwrap_err();
            assert_eq!(refused, AnnouncementError::CrossOrigin, "{announced}");
        }
    }

    #[test]
    fn an_endpoint_with_credentials_or_without_sense_is_refused() {
        for announced in ["https://user:pw@example.com/m", "//user@example.com/m"] {
            let refused = resolved(announced).unwrap_err();
            assert_eq!(refused, AnnouncementError::Credentials, "{announced}");
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
        fn whatever_is_announced_messages_stay_with_the_streams_origin(
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
