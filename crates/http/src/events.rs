//! Streams of server-sent events, bounded in the size of one event.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use mcp_pool_core::error::{FaultKind, Outcome};

use crate::fault::HttpFault;

/// Returns the bytes of an event stream, bounded to `max` bytes an event.
///
/// A larger event yields a fault of kind `Protocol` and ends the stream. A chunk is checked before
/// it is passed on, so that a parser buffers no more than `max` bytes.
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

/// Counts the bytes of the current event, across chunks.
#[derive(Default)]
struct EventSize {
    size: usize,
    at_line_start: bool,
    after_cr: bool,
}

impl EventSize {
    /// Counts `chunk` and returns the largest size that an event reached in it.
    fn after(&mut self, chunk: &[u8]) -> usize {
        let mut largest = self.size;
        for &byte in chunk {
            self.size += 1;
            let ends_line = match byte {
                // CRLF ends one line, not two.
                b'\n' if self.after_cr => false,
                b'\n' | b'\r' => true,
                _ => {
                    self.at_line_start = false;
                    false
                }
            };
            // A blank line ends the event.
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
    fn the_size_of_an_event_counts_across_chunks_up_to_a_blank_line() {
        assert_eq!(largest(&[b"data: 12", b"34\n", b"\n"]), 11);
        assert_eq!(largest(&[b"data: 1\n\ndata: 2\n\n"]), 8);
        assert_eq!(largest(&[b"data: 1\r\n\r", b"\ndata: 2\r\n\r\n"]), 10);
        assert!(largest(&[&[b'x'; 100], &[b'x'; 100]]) >= 200);
    }
}
