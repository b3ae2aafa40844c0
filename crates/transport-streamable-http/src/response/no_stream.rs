//! Answers to the request for the standalone stream.

use std::time::Duration;

use http::StatusCode;
use mcp_pool_core::error::names_lost_session;
use mcp_pool_http::body;
use tokio::time::timeout;

use super::content::is_event_stream;

/// Why a server did not open the standalone stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoStream {
    /// It has none.
    Here,
    /// It may have one: it was not reached, failed, or refused this caller or this session.
    Now,
}

/// The response, where it is the stream.
pub(crate) async fn stream_in(response: reqwest::Response) -> Result<reqwest::Response, NoStream> {
    let status = response.status();
    if status.is_success() {
        return match is_event_stream(response.headers()) {
            true => Ok(response),
            false => Err(NoStream::Here),
        };
    }
    let text = timeout(READ_TIMEOUT, body(response, MAX_READ)).await;
    let text = text.ok().and_then(Result::ok).unwrap_or_default();
    let is_lost = names_lost_session(&String::from_utf8_lossy(&text));
    Err(meaning(status, is_lost))
}

/// What a refusal means for the endpoint.
fn meaning(status: StatusCode, names_lost_session: bool) -> NoStream {
    match status.as_u16() {
        _ if names_lost_session => NoStream::Now,
        // Of the caller, of another stream of the session, or of the rate.
        401 | 403 | 407 | 408 | 409 | 421 | 425 | 429 => NoStream::Now,
        501 => NoStream::Here,
        500.. => NoStream::Now,
        _ => NoStream::Here,
    }
}

/// Bytes that are read of a refusal whose text is not shown.
const MAX_READ: usize = 64 * 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_not_depend_on_caller_session_or_time_means_none_here() {
        let of = |status: u16, is_lost| meaning(StatusCode::from_u16(status).unwrap(), is_lost);
        for status in [302, 400, 404, 405, 406, 410, 415, 422, 501] {
            assert_eq!(of(status, false), NoStream::Here, "{status}");
            assert_eq!(of(status, true), NoStream::Now, "{status}");
        }
        for status in [401, 403, 409, 429, 500, 502, 503, 504] {
            assert_eq!(of(status, false), NoStream::Now, "{status}");
        }
    }
}
