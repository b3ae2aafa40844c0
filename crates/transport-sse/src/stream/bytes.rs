//! Adapters for the bytes of a stream, before they are parsed as events.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use mcp_pool_core::error::{FaultKind, Outcome};
use mcp_pool_http::HttpFault;
use tokio::time::timeout;

/// Splits chunks into lines.
///
/// The parser drops all events of a chunk that has a malformed line. With one line a chunk, the
/// events before that line are kept.
pub(super) fn split_lines(
    bytes: impl Stream<Item = Result<Bytes, HttpFault>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, HttpFault>> + Send + 'static {
    let split = |chunk: Result<Bytes, HttpFault>| {
        let mut rest = Some(chunk);
        let next = move || match rest.take()? {
            Ok(mut chunk) => {
                let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                let line = chunk.split_to(end.map_or(chunk.len(), |end| end + 1));
                rest = (!chunk.is_empty()).then_some(Ok(chunk));
                Some(Ok(line))
            }
            fault => Some(fault),
        };
        futures::stream::iter(std::iter::from_fn(next))
    };
    bytes.flat_map(split)
}

/// Ends the stream with a fault after `idle_timeout` without a byte.
pub(super) fn with_idle_timeout(
    bytes: impl Stream<Item = Result<Bytes, HttpFault>> + Send + 'static,
    idle_timeout: Option<Duration>,
) -> BoxStream<'static, Result<Bytes, HttpFault>> {
    let Some(idle_timeout) = idle_timeout else {
        return bytes.boxed();
    };
    let next = move |bytes: Option<BoxStream<'static, _>>| async move {
        let mut bytes = bytes?;
        match timeout(idle_timeout, bytes.next()).await {
            Ok(chunk) => chunk.map(|chunk| (chunk, Some(bytes))),
            Err(_) => Some((Err(idle()), None)),
        }
    };
    futures::stream::unfold(Some(bytes.boxed()), next).boxed()
}

fn idle() -> HttpFault {
    let what = "nothing came on the stream for too long";
    HttpFault::new(Outcome::Unknown, FaultKind::Timeout, what)
}
