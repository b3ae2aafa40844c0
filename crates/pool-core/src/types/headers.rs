//! Which of a caller's headers may travel upstream.

use http::{HeaderMap, HeaderName, header};

/// Headers that belong to one hop, or to the message that carried them, and never travel on.
///
/// RFC 9110 section 7.6.1 names the hop-by-hop ones; the rest describe a body that is not forwarded
/// or are set by the transport itself.
const NOT_FORWARDED: [HeaderName; 18] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The gateway's own session id, by the name that gateways give it.
const GATEWAY_SESSION_ID: HeaderName = HeaderName::from_static("x-mcp-session-id");

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

/// The part of a caller's headers that may go upstream: without hop-by-hop headers (those named by
/// `Connection` included), without what describes the caller's own body, and without the gateway's
/// session ids (`mcp-session-id`, `x-mcp-session-id`), and without [`PER_REQUEST_HEADERS`].
#[must_use]
pub fn upstream_headers(caller: &HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = caller
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let mut upstream = caller.clone();
    for name in own_headers().chain(named) {
        upstream.remove(name);
    }
    upstream
}

/// The headers that never travel upstream.
fn own_headers() -> impl Iterator<Item = HeaderName> {
    NOT_FORWARDED
        .into_iter()
        .chain(PER_REQUEST_HEADERS)
        .chain([GATEWAY_SESSION_ID])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written out by hand, so that a name that is missing in the code fails the test.
    const STAY_BEHIND: [&str; 24] = [
        "accept",
        "accept-encoding",
        "baggage",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "last-event-id",
        "mcp-protocol-version",
        "mcp-session-id",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-correlation-id",
        "x-mcp-session-id",
        "x-request-id",
    ];

    #[test]
    fn hop_by_hop_and_per_request_headers_and_gateway_session_ids_stay_behind() {
        let mut caller = HeaderMap::new();
        for name in STAY_BEHIND {
            caller.insert(name, "x".parse().unwrap());
        }
        caller.insert(header::CONNECTION, "close, X-Hop".parse().unwrap());
        caller.insert("x-hop", "1".parse().unwrap());
        for name in ["authorization", "cookie", "x-api-key", "x-vendor"] {
            caller.insert(name, "x".parse().unwrap());
        }
        let upstream = upstream_headers(&caller);
        let mut names: Vec<_> = upstream.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "cookie", "x-api-key", "x-vendor"]);
    }
}
