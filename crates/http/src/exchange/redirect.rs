//! Redirects: which are followed, and where to.

use http::{HeaderMap, StatusCode, header};
use mcp_pool_core::error::{FaultKind, Outcome, RedirectReason, Redirected};
use reqwest::Url;

use crate::fault::HttpFault;

/// A redirect that may be followed: of the same origin, with the same method and body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) to: Url,
    /// 308: later requests may go there at once.
    pub(crate) is_permanent: bool,
}

/// The redirect that the response from `url` is; `None` where it is none.
///
/// # Errors
/// [`HttpFault`] of kind `Redirected`: it must not be followed.
pub(crate) fn redirect_of(
    status: StatusCode,
    headers: &HeaderMap,
    url: &Url,
) -> Result<Option<Redirect>, HttpFault> {
    let keeps_method = match status.as_u16() {
        307 | 308 => true,
        300..=303 => false,
        _ => return Ok(None),
    };
    let location = headers.get(header::LOCATION).map(|value| value.as_bytes());
    let location = location.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let to = location.and_then(|text| target_of(text, url));
    let refused = |reason| Err(refused(status, to.as_ref(), reason));
    let Some(target) = &to else {
        return refused(RedirectReason::NoTarget);
    };
    if target.origin() != url.origin() {
        let is_insecure = url.scheme() == "https" && target.scheme() == "http";
        return refused(match is_insecure {
            true => RedirectReason::Insecure,
            false => RedirectReason::OtherOrigin,
        });
    }
    if !keeps_method {
        return refused(RedirectReason::MethodNotKept);
    }
    Ok(Some(Redirect {
        to: target.clone(),
        is_permanent: status == StatusCode::PERMANENT_REDIRECT,
    }))
}

/// The fault of a request that is redirected again after the last redirect that is followed.
pub(crate) fn too_many(status: StatusCode, to: &Url) -> HttpFault {
    refused(status, Some(to), RedirectReason::TooMany)
}

/// The address in a `Location`. One with a user name or a password is none: both would be sent.
fn target_of(location: &str, url: &Url) -> Option<Url> {
    let mut to = url.join(location).ok()?;
    to.set_fragment(None);
    let has_credentials = !to.username().is_empty() || to.password().is_some();
    (to.origin().is_tuple() && !has_credentials).then_some(to)
}

/// With 307 and 308 the server wants the same request elsewhere, and so has not executed it. After
/// any other status it may have (RFC 9110 section 15.4: 303 names the result of a request).
fn refused(status: StatusCode, to: Option<&Url>, reason: RedirectReason) -> HttpFault {
    let outcome = match status.as_u16() {
        307 | 308 => Outcome::NotExecuted,
        _ => Outcome::Unknown,
    };
    let kind = FaultKind::Redirected(Redirected::new(to, reason));
    HttpFault::harmless(outcome, kind, "a redirect that is not followed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, from: &str, location: Option<&[u8]>) -> Result<Option<Redirect>, HttpFault> {
        let mut headers = HeaderMap::new();
        if let Some(location) = location {
            let location = http::HeaderValue::from_bytes(location).unwrap();
            headers.insert(header::LOCATION, location);
        }
        let status = StatusCode::from_u16(status).unwrap();
        redirect_of(status, &headers, &from.parse().unwrap())
    }

    #[test]
    fn only_redirects_within_the_origin_that_keep_the_method_are_followed() {
        for (status, is_permanent) in [(307, false), (308, true)] {
            for (location, to) in [
                ("/mcp/", "https://e.com/mcp/"),
                ("x?a=1#part", "https://e.com/a/x?a=1"),
                ("https://E.com:443/m", "https://e.com/m"),
                ("//e.com/m", "https://e.com/m"),
                ("", "https://e.com/a/mcp"),
            ] {
                let redirect = of(status, "https://e.com/a/mcp", Some(location.as_bytes()));
                let to = to.parse().unwrap();
                let expected = Redirect { to, is_permanent };
                assert_eq!(redirect.unwrap(), Some(expected), "{location}");
            }
        }
        for status in [200, 202, 304, 305, 400, 401, 404, 500] {
            let redirect = of(status, "https://e.com/mcp", Some(b"https://f.com"));
            assert_eq!(redirect.unwrap(), None, "{status}");
        }
    }

    #[test]
    fn a_refused_redirect_names_its_reason_and_the_origin_of_its_target() {
        use RedirectReason as Reason;
        const HTTPS: &str = "https://e.com/mcp";
        for (from, location, reason, origin) in [
            (
                HTTPS,
                "http://e.com/mcp",
                Reason::Insecure,
                Some("http://e.com"),
            ),
            (
                HTTPS,
                "http://f.com/",
                Reason::Insecure,
                Some("http://f.com"),
            ),
            (
                "http://e.com/",
                "https://e.com/",
                Reason::OtherOrigin,
                Some("https://e.com"),
            ),
            (
                HTTPS,
                "https://e.com:8443/",
                Reason::OtherOrigin,
                Some("https://e.com:8443"),
            ),
            (
                HTTPS,
                "//e.com.f.com/secret",
                Reason::OtherOrigin,
                Some("https://e.com.f.com"),
            ),
            (
                HTTPS,
                "\\\\f.com\\secret",
                Reason::OtherOrigin,
                Some("https://f.com"),
            ),
            (HTTPS, "https://e.com@f.com/", Reason::NoTarget, None),
            (HTTPS, "https://user:secret@e.com/", Reason::NoTarget, None),
            (HTTPS, "https://", Reason::NoTarget, None),
            (HTTPS, "javascript:secret", Reason::NoTarget, None),
            (HTTPS, "file:///secret", Reason::NoTarget, None),
        ] {
            for status in [301, 302, 303, 307, 308] {
                let fault = of(status, from, Some(location.as_bytes())).unwrap_err();
                let FaultKind::Redirected(redirected) = fault.kind() else {
                    panic!("{fault:?}");
                };
                assert_eq!(redirected.reason(), reason, "{location}");
                assert_eq!(redirected.origin(), origin, "{location}");
                assert!(!format!("{fault} {fault:?}").contains("secret"));
            }
        }
        for location in [None, Some(&b"\xff"[..])] {
            let fault = of(307, HTTPS, location).unwrap_err();
            let kind = FaultKind::Redirected(Redirected::new(None, Reason::NoTarget));
            assert_eq!(*fault.kind(), kind);
        }
    }

    #[test]
    fn only_a_status_that_wants_the_request_repeated_proves_that_it_was_not_executed() {
        for (status, outcome) in [
            (300, Outcome::Unknown),
            (301, Outcome::Unknown),
            (302, Outcome::Unknown),
            (303, Outcome::Unknown),
            (307, Outcome::NotExecuted),
            (308, Outcome::NotExecuted),
        ] {
            let fault = of(status, "http://e.com/", Some(b"http://f.com/")).unwrap_err();
            assert_eq!(fault.failure().outcome(), outcome, "{status}");
            assert!(fault.failure().is_session_usable());
        }
        let same = of(302, "http://e.com/", Some(b"/")).unwrap_err();
        let to: Url = "http://e.com/".parse().unwrap();
        let redirected = Redirected::new(Some(&to), RedirectReason::MethodNotKept);
        assert_eq!(*same.kind(), FaultKind::Redirected(redirected));
    }
}
