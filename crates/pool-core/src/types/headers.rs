//! Which of a caller's headers may travel upstream.

use http::{HeaderMap, HeaderName};

/// True for a header that a caller can neither set nor remove upstream, whatever it sends: it belongs
/// to one hop, describes the message that carried it, names the way that it took, or is set by the
/// transport itself.
///
/// This is the one list of the pool. RFC 9110 section 7.6.1 names the headers of a hop.
#[must_use]
pub fn is_reserved_header(name: &HeaderName) -> bool {
    let name = name.as_str();
    RESERVED.binary_search(&name).is_ok()
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// The names of reserved headers, in alphabetical order.
const RESERVED: [&str; 27] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "connection",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "last-event-id",
    "max-forwards",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "origin",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "via",
    // The gateway's own session id, by the name that gateways give it.
    "x-mcp-session-id",
    "x-real-ip",
];

/// What the names of further reserved headers begin with.
const RESERVED_PREFIXES: [&str; 7] = [
    "access-control-",
    "content-",
    // Conditions on what the caller has cached; the answer to them is no JSON-RPC.
    "if-",
    "mcp-param-",
    "proxy-",
    "sec-",
    "x-forwarded-",
];

/// Headers that belong to one request: trace context and correlation ids.
///
/// They travel with the call they came with ([`CallContext::extra`](crate::extend::CallContext::extra)) and
/// are never part of a session's own headers.
pub const PER_REQUEST_HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("baggage"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("x-request-id"),
];

/// The part of a caller's headers that may go upstream: without [reserved
/// headers](is_reserved_header) and without [`PER_REQUEST_HEADERS`].
///
/// Headers that the caller's `Connection` names stay, since a key may be made of them: no caller may
/// strip them. The server that received the caller's request is the one that the hop ends at.
#[must_use]
pub fn upstream_headers(caller: &HeaderMap) -> HeaderMap {
    let mut upstream = caller.clone();
    for name in caller.keys() {
        if is_reserved_header(name) || PER_REQUEST_HEADERS.contains(name) {
            upstream.remove(name);
        }
    }
    upstream
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// Written out by hand, so that a name that is missing in the code fails the test.
    const STAY_BEHIND: [&str; 47] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "access-control-request-method",
        "baggage",
        "connection",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "date",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "if-match",
        "if-none-match",
        "keep-alive",
        "last-event-id",
        "max-forwards",
        "mcp-method",
        "mcp-name",
        "mcp-param-region",
        "mcp-protocol-version",
        "mcp-session-id",
        "origin",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "referer",
        "sec-fetch-mode",
        "sec-websocket-key",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "via",
        "x-correlation-id",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-mcp-session-id",
        "x-real-ip",
        "x-request-id",
    ];

    const TRAVEL: [&str; 8] = [
        "authorization",
        "cookie",
        "mcp-vendor",
        "user-agent",
        "x-api-key",
        "x-tenant-id",
        "x-user-id",
        "x-vendor",
    ];

    fn headers(names: &[&'static str]) -> HeaderMap {
        let value = HeaderValue::from_static("x");
        let named = names.iter().map(|name| (*name, value.clone()));
        named
            .map(|(name, value)| (HeaderName::from_static(name), value))
            .collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn reserved_and_per_request_headers_stay_behind() {
        let mut caller = headers(&STAY_BEHIND);
        caller.extend(headers(&TRAVEL));
        assert_eq!(names(&upstream_headers(&caller)), TRAVEL);
    }

    #[test]
    fn no_caller_strips_a_header_by_naming_it_in_connection() {
        let mut caller = headers(&TRAVEL);
        for value in ["close, Authorization", "x-tenant-id,cookie", "x-vendor"] {
            caller.append("connection", HeaderValue::from_static(value));
        }
        assert_eq!(names(&upstream_headers(&caller)), TRAVEL);
    }

    #[test]
    fn the_list_is_in_the_order_that_its_search_needs() {
        assert!(RESERVED.is_sorted());
    }
}
