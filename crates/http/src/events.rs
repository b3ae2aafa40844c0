//! Streams of server-sent events, bounded in what one event may take.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use mcp_pool_core::error::{FaultKind, Outcome};

use crate::fault::HttpFault;

/// The bytes of a response that is a stream of events, until one event is larger than `max` bytes:
/// then a fault of kind `Protocol`, and the stream is at its end.
pub fn bounded(
    response: reqwest::Response,
    max: usize,
) -> impl Stream<Item = Result<Bytes, HttpFault>> + Send + 'static {
    let mut size = EventSize::default();
    let mut over = false;
    response
        .bytes_stream()
        .map(move |chunk| {
            let chunk = chunk.map_err(HttpFault::of_body)?;
            match size.after(&chunk) > max {
                true => Err(too_large()),
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

fn too_large() -> HttpFault {
    let what = "an event is larger than allowed";
    HttpFault::new(Outcome::Unknown, FaultKind::Protocol, what)
}

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
}
