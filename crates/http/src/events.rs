//! Streams of server-sent events, bounded in what one event may take.

use std::{error::Error, fmt};

use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::HttpFault;

/// The bytes of a response that is a stream of events, until one event is larger than `max` bytes:
/// then [`Broken::TooLarge`], and the stream is at its end.
pub fn bounded(
    response: reqwest::Response,
    max: usize,
) -> impl Stream<Item = Result<Bytes, Broken>> + Send + 'static {
    let mut size = EventSize::default();
    let mut over = false;
    response
        .bytes_stream()
        .map(move |chunk| {
            let chunk = chunk.map_err(|error| Broken::Off(HttpFault::of_body(error)))?;
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
#[non_exhaustive]
pub enum Broken {
    /// The response broke off.
    Off(HttpFault),
    /// An event was larger than allowed.
    TooLarge {
        /// How many bytes are allowed.
        max: usize,
    },
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
