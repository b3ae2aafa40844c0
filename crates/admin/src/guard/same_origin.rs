//! Whether a request that changes something comes from the page itself.

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{HOST, ORIGIN},
};

/// The header that a request which changes something must have. A page of another site cannot send it
/// without a preflight, which the router does not answer.
pub(crate) const ACTION: HeaderName = HeaderName::from_static("x-mcp-pool-action");

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// True where a request comes from the page itself, or from no browser.
///
/// A browser sends `Origin` with every POST. A program sends none and can be reached by no other site.
pub(super) fn is_same_origin(uri: &Uri, headers: &HeaderMap) -> bool {
    let is_of_page = |site: &HeaderValue| site == "same-origin";
    headers.get_all(FETCH_SITE).iter().all(is_of_page)
        && headers
            .get_all(ORIGIN)
            .iter()
            .all(|origin| is_own(origin, uri, headers))
}

fn is_own(origin: &HeaderValue, uri: &Uri, headers: &HeaderMap) -> bool {
    let host = match headers.get(HOST) {
        Some(host) => host.as_bytes(),
        None => uri.authority().map_or("", |it| it.as_str()).as_bytes(),
    };
    // Behind a proxy that ends TLS the scheme of the page is unknown here; the host is not.
    let origin = origin.as_bytes();
    let named = origin.strip_prefix(b"http://");
    let named = named.or_else(|| origin.strip_prefix(b"https://"));
    named.is_some_and(|named| named.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_and_programs_are_of_the_same_origin() {
        let cases: [(&[(&str, &str)], bool); 9] = [
            (&[], true),
            (&[("origin", "http://localhost:9090")], true),
            (&[("origin", "https://LOCALHOST:9090")], true),
            (
                &[
                    ("origin", "http://localhost:9090"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (&[("origin", "http://localhost:9091")], false),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (
                &[
                    ("origin", "http://localhost:9090"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
        ];
        for (headers, expected) in cases {
            let mut map = HeaderMap::new();
            map.insert(HOST, HeaderValue::from_static("localhost:9090"));
            for (name, value) in headers {
                map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            let uri = Uri::from_static("/pool/drain");
            assert_eq!(is_same_origin(&uri, &map), expected, "{headers:?}");
        }
    }
}
