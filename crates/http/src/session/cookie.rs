//! One cookie of a server.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use reqwest::Url;
use tokio::time::Instant;

use super::set_cookie::SetCookie;

/// One cookie of a server. It belongs to the host that set it, whatever its `Domain` is.
pub(super) struct StoredCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) path: String,
    /// `None`: as long as its session.
    expires: Option<Instant>,
}

/// A cookie that goes with its session to another process. `Debug` shows no part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCookie {
    /// The name.
    pub name: String,
    /// The value. A secret.
    pub value: String,
    /// The path that it is for.
    pub path: String,
    /// When it ends; `None`: with its session.
    pub expires_at: Option<SystemTime>,
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCookie").finish_non_exhaustive()
    }
}

/// The time at which a cookie is received, on both clocks.
#[derive(Clone, Copy)]
pub(super) struct Received {
    pub(super) at: Instant,
    pub(super) date: SystemTime,
}

impl StoredCookie {
    /// The cookie of a `Set-Cookie` header in the response from `url`, or `None` where the server
    /// may not set it (RFC 6265 section 5.3).
    pub(super) fn parse(text: &str, url: &Url, now: Received) -> Option<Self> {
        let cookie = SetCookie::parse(text)?;
        if (cookie.is_secure && url.scheme() != "https") || !allows(cookie.domain, url) {
            return None;
        }
        let path = cookie.path.filter(|path| path.starts_with('/'));
        Some(Self {
            path: path.unwrap_or_else(|| default_path(url)).to_owned(),
            expires: expires(&cookie, now),
            name: cookie.name.to_owned(),
            value: cookie.value.to_owned(),
        })
    }

    /// The cookie for another process.
    pub(super) fn leave(&self, now: Received) -> SessionCookie {
        let expires_at = self.expires.and_then(|at| {
            let left = at.saturating_duration_since(now.at);
            now.date.checked_add(left)
        });
        SessionCookie {
            name: self.name.clone(),
            value: self.value.clone(),
            path: self.path.clone(),
            expires_at,
        }
    }

    /// The cookie of a session that another process had.
    pub(super) fn arrive(cookie: SessionCookie, now: Received) -> Self {
        let expires = cookie.expires_at.map(|date| {
            let left = date.duration_since(now.date).unwrap_or_default();
            now.at.checked_add(left).unwrap_or(now.at)
        });
        Self {
            name: cookie.name,
            value: cookie.value,
            path: cookie.path,
            expires,
        }
    }

    /// The bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.name.len() + self.value.len() + self.path.len()
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// True when both are one cookie, of which the later one counts.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.name == other.name && self.path == other.path
    }

    /// True for the path of the cookie and what lies below it (RFC 6265 section 5.1.4).
    pub(super) fn is_for(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str()).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/')
        })
    }
}

/// True where the domain, if there is one, is that of the host, or one above it.
fn allows(domain: Option<&str>, url: &Url) -> bool {
    let Some(domain) = domain else {
        return true;
    };
    let domain = domain.to_ascii_lowercase();
    let host = url.host_str().unwrap_or_default();
    let is_name = url.domain().is_some();
    let above = host.strip_suffix(&domain);
    host == domain || (is_name && above.is_some_and(|below| below.ends_with('.')))
}

/// The path of a cookie that names none: up to the last slash (RFC 6265 section 5.1.4).
fn default_path(url: &Url) -> &str {
    match url.path().rsplit_once('/') {
        Some((path, _)) if !path.is_empty() => path,
        _ => "/",
    }
}

/// When a cookie ends. `Max-Age` wins over `Expires`.
fn expires(cookie: &SetCookie<'_>, now: Received) -> Option<Instant> {
    let left = match cookie.max_age {
        Some(age) => age,
        None => {
            let date = now.date.duration_since(SystemTime::UNIX_EPOCH);
            let date = i64::try_from(date.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
            cookie.expires?.saturating_sub(date)
        }
    };
    // A time beyond the clock is as long as the session.
    now.at
        .checked_add(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str, text: &str) -> Option<StoredCookie> {
        let now = Received {
            at: Instant::now(),
            date: SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777),
        };
        StoredCookie::parse(text, &url.parse().unwrap(), now)
    }

    #[test]
    fn a_cookie_of_another_host_is_dropped_and_one_of_a_host_above_stays_host_only() {
        for (url, text, is_kept) in [
            ("http://a.example.com/", "a=1", true),
            ("http://a.example.com/", "a=1; Domain=", true),
            ("http://a.example.com/", "a=1; Domain=A.example.com", true),
            ("http://a.example.com/", "a=1; domain=.example.com", true),
            ("http://a.example.com/", "a=1; Domain=b.example.com", false),
            ("http://a.example.com/", "a=1; Domain=ample.com", false),
            (
                "http://a.example.com/",
                "a=1; Domain=x.a.example.com",
                false,
            ),
            ("http://127.0.0.1/", "a=1; Domain=127.0.0.1", true),
            ("http://127.0.0.1/", "a=1; Domain=0.0.1", false),
            ("http://127.0.0.1/", "a=1; Domain=1", false),
        ] {
            assert_eq!(at(url, text).is_some(), is_kept, "{url} {text}");
        }
    }

    #[test]
    fn a_secure_cookie_is_for_https_alone() {
        assert!(at("https://example.com/", "a=1; Secure").is_some());
        assert!(at("http://example.com/", "a=1; Secure").is_none());
    }

    #[test]
    fn a_path_holds_for_itself_and_what_is_below() {
        for (url, text, path, is_for) in [
            ("http://e/mcp", "a=1; Path=/mcp", "/mcp", true),
            ("http://e/mcp", "a=1; Path=/mcp", "/mcp/a", true),
            ("http://e/mcp", "a=1; Path=/mcp", "/mcpx", false),
            ("http://e/mcp", "a=1; Path=/mcp/", "/mcp/a", true),
            ("http://e/mcp", "a=1; Path=/mcp/", "/mcp", false),
            ("http://e/mcp", "a=1; Path=/", "/x", true),
            ("http://e/mcp", "a=1; Path=other", "/x", true),
            ("http://e/mcp", "a=1", "/x", true),
            ("http://e/api/mcp", "a=1", "/api/x", true),
            ("http://e/api/mcp", "a=1", "/api", true),
            ("http://e/api/mcp", "a=1; Path=", "/x", false),
            ("http://e/api/mcp", "a=1", "/apix", false),
        ] {
            let cookie = at(url, text).unwrap();
            assert_eq!(cookie.is_for(path), is_for, "{url} {text} {path}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn max_age_wins_over_expires_and_neither_means_the_life_of_the_session() {
        const PAST: &str = "Expires=Sun, 06 Nov 1994 08:49:37 GMT";
        const IN_TEN: &str = "Expires=Sun, 06 Nov 1994 08:49:47 GMT";
        for (text, seconds) in [
            ("a=1".to_owned(), None),
            ("a=1; Max-Age=0".to_owned(), Some(0)),
            ("a=1; Max-Age=-5".to_owned(), Some(0)),
            ("a=1; Max-Age=10".to_owned(), Some(10)),
            (format!("a=1; {PAST}"), Some(0)),
            (format!("a=1; {IN_TEN}"), Some(10)),
            (format!("a=1; Max-Age=20; {IN_TEN}"), Some(20)),
            (format!("a=1; {IN_TEN}; Max-Age=0"), Some(0)),
            ("a=1; Expires=soon; Max-Age=soon".to_owned(), None),
            ("a=1; Max-Age=99999999999999999999".to_owned(), None),
        ] {
            let cookie = at("http://e/", &text).unwrap();
            let now = Instant::now();
            let ends = |seconds| now + Duration::from_secs(seconds);
            match seconds {
                Some(0) => assert!(cookie.has_expired(now), "{text}"),
                Some(seconds) => {
                    assert!(!cookie.has_expired(ends(seconds - 1)), "{text}");
                    assert!(cookie.has_expired(ends(seconds)), "{text}");
                }
                None => assert!(!cookie.has_expired(ends(1_000_000_000)), "{text}"),
            }
        }
    }

    #[test]
    fn what_is_no_cookie_is_dropped() {
        for text in ["", ";", "=1", "name", "; Path=/"] {
            assert!(at("http://e/", text).is_none(), "{text}");
        }
    }
}
