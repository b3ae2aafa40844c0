//! Compressed responses, which are read and never requested.

use http::{HeaderMap, HeaderValue, header};
use reqwest::ClientBuilder;

/// Has the client of `builder` request no compression, since servers and proxies collect events
/// before they compress them. A compressed response is read all the same.
///
/// An `accept-encoding` among the default headers of `builder` is replaced.
pub(crate) fn without_compression(builder: ClientBuilder) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    let identity = HeaderValue::from_static("identity");
    headers.insert(header::ACCEPT_ENCODING, identity);
    builder.default_headers(headers)
}
