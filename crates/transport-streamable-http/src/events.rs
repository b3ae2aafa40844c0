//! Server-sent events out of a response, bounded in size and made fit for rmcp.

use std::{error::Error, fmt};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use mcp_pool_core::Outcome;
use rmcp::model::{RequestId, ServerJsonRpcMessage};
use sse_stream::{Sse, SseStream};

use crate::fault::HttpFault;

pub(crate) type Events = BoxStream<'static, Result<Sse, sse_stream::Error>>;

/// The events of a response. One larger than `max_event` bytes ends the stream with an error.
///
/// `answers` is the request that the stream answers: an error without an id can only mean that
/// one, and rmcp would wait for ever for an answer that names it.
pub(crate) fn events(
    response: reqwest::Response,
    max_event: usize,
    answers: Option<RequestId>,
) -> Events {
    let bytes = bounded(response.bytes_stream(), max_event);
    let events = SseStream::from_bytes_stream(bytes);
    events
        .map(move |event| event.map(|event| fit(event, answers.as_ref())))
        .boxed()
}

/// Passes bytes through until one event is larger than `max`.
fn bounded<E>(
    bytes: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    max: usize,
) -> impl Stream<Item = Result<Bytes, Broken>> + Send + 'static
where
    E: Into<reqwest::Error>,
{
    let mut size = EventSize::default();
    let mut over = false;
    bytes
        .map(move |chunk| {
            let chunk = chunk.map_err(|error| Broken::Off(HttpFault::of_body(error.into())))?;
            match size.after(&chunk) > max {
                true => Err(Broken::TooLarge { max }),
                false => Ok(chunk),
            }
        })
        .take_while(move |chunk| {
            let ended = over;
            over = chunk.is_err();
            futures::future::ready(!ended)
        })
}

/// How large the event is that is being received.
#[derive(Default)]
struct EventSize {
    size: usize,
    at_line_start: bool,
    after_cr: bool,
}

impl EventSize {
    /// The largest size the event reached within `chunk`.
    fn after(&mut self, chunk: &[u8]) -> usize {
        let mut largest = self.size;
        for &byte in chunk {
            self.size += 1;
            let ends_line = match byte {
                b'\n' if self.after_cr => false,
                b'\n' | b'\r' => true,
                _ => {
                    self.at_line_start = false;
                    false
                }
            };
            if ends_line && self.at_line_start {
                self.size = 0;
            }
            self.at_line_start |= ends_line;
            self.after_cr = byte == b'\r';
            largest = largest.max(self.size);
        }
        largest
    }
}

/// Why a stream of events broke.
#[derive(Debug)]
enum Broken {
    Off(HttpFault),
    TooLarge { max: usize },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off(fault) => fault.fmt(f),
            Self::TooLarge { max } => write!(f, "an event is larger than {max} bytes"),
        }
    }
}

impl Error for Broken {}

/// Names the request in an error that names none, and caps the pause the server asks for.
fn fit(mut event: Sse, answers: Option<&RequestId>) -> Sse {
    event.retry = event.retry.map(|millis| millis.min(MAX_RETRY_MILLIS));
    if let Some(id) = answers
        && let Some(data) = &event.data
        && data.contains("\"error\"")
        && let Ok(ServerJsonRpcMessage::Error(mut error)) = serde_json::from_str(data)
        && error.id.is_none()
    {
        error.id = Some(id.clone());
        event.data = serde_json::to_string(&ServerJsonRpcMessage::Error(error)).ok();
    }
    event
}

/// The body of a response, up to `max` bytes.
///
/// # Errors
/// It is larger, or it broke off.
pub(crate) async fn body(
    mut response: reqwest::Response,
    max: usize,
) -> Result<Vec<u8>, HttpFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(HttpFault::of_body)? {
        if body.len() + chunk.len() > max {
            let what = "the response is larger than allowed";
            return Err(HttpFault::harmless(
                Outcome::Unknown,
                mcp_pool_core::FaultKind::Protocol,
                what,
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A server that asks for a longer pause before its stream is resumed is asked again all the same.
const MAX_RETRY_MILLIS: u64 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn largest(chunks: &[&[u8]]) -> usize {
        let mut size = EventSize::default();
        chunks.iter().map(|chunk| size.after(chunk)).max().unwrap()
    }

    #[test]
    fn the_size_of_an_event_is_counted_across_chunks_and_ends_with_a_blank_line() {
        assert_eq!(largest(&[b"data: 12", b"34\n", b"\n"]), 11);
        assert_eq!(largest(&[b"data: 1\n\ndata: 2\n\n"]), 8);
        assert_eq!(largest(&[b"data: 1\r\n\r", b"\ndata: 2\r\n\r\n"]), 10);
        assert!(largest(&[&[b'x'; 100], &[b'x'; 100]]) >= 200);
    }

    #[test]
    fn an_error_without_an_id_is_taken_for_the_answer_it_can_only_be() {
        let id = RequestId::Number(7);
        let data = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"},"id":null}"#;
        let event = Sse::default().data(data);
        let fitted = fit(event.clone(), Some(&id)).data.unwrap();
        let message: ServerJsonRpcMessage = serde_json::from_str(&fitted).unwrap();
        let ServerJsonRpcMessage::Error(error) = message else {
            panic!("{fitted}");
        };
        assert_eq!(error.id, Some(id));
        assert_eq!(fit(event, None).data.unwrap(), data);
    }

    #[test]
    fn a_server_cannot_ask_for_an_endless_pause() {
        let event = Sse::default().retry(u64::MAX);
        assert_eq!(fit(event, None).retry, Some(MAX_RETRY_MILLIS));
    }
}
