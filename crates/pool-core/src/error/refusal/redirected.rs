//! A redirect that was not followed.

use std::{fmt, sync::Arc};

use url::{Origin, Url};

/// A redirect that was not followed: the origin that it names, and why it was not followed.
///
/// It has no path, query or user name of its target, which may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirected {
    origin: Option<Arc<str>>,
    reason: RedirectReason,
}

/// Why a redirect was not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RedirectReason {
    /// The target is plain http, where the request was https.
    Insecure,
    /// The status does not keep the method of the request: 300, 301, 302 or 303. The server may have
    /// executed the request.
    MethodNotKept,
    /// There is no `Location`, or it is no address without credentials.
    NoTarget,
    /// The scheme, host or port of the target is another one: it must not get the credentials.
    OtherOrigin,
    /// The request was redirected too often.
    TooMany,
}

impl Redirected {
    /// A redirect to this target, where it names one.
    #[must_use]
    pub fn new(to: Option<&Url>, reason: RedirectReason) -> Self {
        let origin = to.map(Url::origin).filter(Origin::is_tuple);
        Self {
            origin: origin.map(|origin| origin.ascii_serialization().into()),
            reason,
        }
    }

    /// The origin of the target, such as `https://example.com:8443`, where it has one.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Why it was not followed.
    #[must_use]
    pub fn reason(&self) -> RedirectReason {
        self.reason
    }
}

impl fmt::Display for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.origin().unwrap_or("no known origin");
        write!(f, "redirected to {target}: {}", self.reason)
    }
}

impl fmt::Display for RedirectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Insecure => "plain http instead of https",
            Self::MethodNotKept => "the status does not keep the method",
            Self::NoTarget => "no valid location",
            Self::OtherOrigin => "another origin",
            Self::TooMany => "too many redirects",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_shows_the_origin_of_its_target_and_nothing_else_of_it() {
        for (to, origin) in [
            (
                "https://user:pw@example.com:8443/secret?key=secret#secret",
                Some("https://example.com:8443"),
            ),
            ("https://example.com:443/", Some("https://example.com")),
            ("http://[::1]:80/a", Some("http://[::1]")),
            ("data:secret", None),
        ] {
            let to: Url = to.parse().unwrap();
            let redirected = Redirected::new(Some(&to), RedirectReason::OtherOrigin);
            assert_eq!(redirected.origin(), origin);
            let shown = format!("{redirected} {redirected:?}");
            for secret in ["secret", "user", "pw"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        let nowhere = Redirected::new(None, RedirectReason::NoTarget);
        let text = nowhere.to_string();
        assert_eq!(text, "redirected to no known origin: no valid location");
    }
}
