//! HTTP/2: whether it is used, and what it shows of a failed request.

use std::error::Error;

use reqwest::ClientBuilder;

/// Leaves the choice between HTTP/1.1 and HTTP/2 to the builder and the server.
#[cfg(feature = "http2")]
pub(crate) fn with_known_versions(builder: ClientBuilder) -> ClientBuilder {
    builder
}

/// Has the client speak HTTP/1.1 alone, also where another crate enables HTTP/2 of reqwest: without h2
/// its errors cannot be read, and the one of a `GOAWAY` shows the text of the server.
#[cfg(not(feature = "http2"))]
pub(crate) fn with_known_versions(builder: ClientBuilder) -> ClientBuilder {
    builder.http1_only()
}

/// Whether the cause is a `GOAWAY` of the server.
#[cfg(feature = "http2")]
pub(crate) fn is_go_away(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref().is_some_and(h2::Error::is_go_away)
}

#[cfg(not(feature = "http2"))]
pub(crate) fn is_go_away(_cause: &(dyn Error + 'static)) -> bool {
    false
}

/// Whether a server reports that it did not process the request: the stream was refused, or is above the
/// last one of a `GOAWAY` (RFC 9113 sections 6.8 and 8.7).
///
/// h2 gives the error of a `GOAWAY` to no other stream.
#[cfg(feature = "http2")]
pub(crate) fn is_unprocessed(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref().is_some_and(|error: &h2::Error| {
        let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        error.is_remote() && (error.is_go_away() || is_refused)
    })
}

#[cfg(not(feature = "http2"))]
pub(crate) fn is_unprocessed(_cause: &(dyn Error + 'static)) -> bool {
    false
}
