//! What a raw server does with a request.

use std::time::Duration;

use serde_json::Value;

use super::streams::OnStream;

/// What a raw server does with a request, which it has read.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) bytes: Vec<u8>,
    pub(super) pause: Duration,
    /// Between two bytes; without it all are written at once.
    pub(super) between: Option<Duration>,
    pub(super) end: End,
    /// What happens on the streams of sessions after the bytes.
    pub(super) on_streams: Vec<(String, OnStream)>,
}

/// What becomes of the connection after the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is kept for the next request.
    Keep,
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
    /// Nothing more comes on it.
    Hang,
    /// It is the stream of this session.
    Stream(String),
}

impl Reply {
    /// A response with this status and no body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::text(status, "text/plain", "")
    }

    /// A response with a body of this type.
    #[must_use]
    pub fn text(status: u16, content_type: &str, body: &str) -> Self {
        let head = match body.is_empty() {
            true => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"),
            false => format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            ),
        };
        Self::bytes(format!("{head}{body}").into_bytes())
    }

    /// A response with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    /// These bytes as they are, after which the connection is kept.
    #[must_use]
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            pause: Duration::ZERO,
            between: None,
            end: End::Keep,
            on_streams: Vec::new(),
        }
    }

    /// No byte, and the connection is closed.
    #[must_use]
    pub fn cut() -> Self {
        Self::bytes(Vec::new()).then_close()
    }

    /// No byte, and the connection is reset.
    #[must_use]
    pub fn reset() -> Self {
        Self {
            end: End::Reset,
            ..Self::bytes(Vec::new())
        }
    }

    /// No byte ever.
    #[must_use]
    pub fn hang() -> Self {
        Self {
            end: End::Hang,
            ..Self::bytes(Vec::new())
        }
    }

    /// The stream of a session over HTTP+SSE, which begins with these bytes.
    #[must_use]
    pub fn stream(session: &str, first: &str) -> Self {
        let head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n";
        Self {
            end: End::Stream(session.to_owned()),
            ..Self::bytes(format!("{head}{first}").into_bytes())
        }
    }

    /// Sends a JSON-RPC message on the stream of a session, after the response.
    #[must_use]
    pub fn with_event(self, session: &str, message: &Value) -> Self {
        self.with_raw_event(session, &message.to_string())
    }

    /// Sends an event with this text on the stream of a session, after the response.
    #[must_use]
    pub fn with_raw_event(self, session: &str, text: &str) -> Self {
        let event = format!("event: message\ndata: {text}\n\n");
        self.on_stream(session, OnStream::Bytes(event.into_bytes()))
    }

    /// Sends these bytes on the stream of a session, after the response.
    #[must_use]
    pub fn with_bytes_on_stream(self, session: &str, bytes: Vec<u8>) -> Self {
        self.on_stream(session, OnStream::Bytes(bytes))
    }

    /// Sends an event on the stream of a session byte by byte, after the response.
    #[must_use]
    pub fn with_slow_event(self, session: &str, text: &str, between: Duration) -> Self {
        let event = format!("event: message\ndata: {text}\n\n");
        self.on_stream(session, OnStream::Slowly(event.into_bytes(), between))
    }

    /// Sends an event on the stream of a session, this long after the response.
    #[must_use]
    pub fn with_late_event(self, session: &str, text: &str, pause: Duration) -> Self {
        let event = format!("event: message\ndata: {text}\n\n");
        self.on_stream(session, OnStream::Late(event.into_bytes(), pause))
    }

    /// Closes the stream of a session, after the response.
    #[must_use]
    pub fn closing_stream(self, session: &str) -> Self {
        self.on_stream(session, OnStream::Close)
    }

    /// Resets the stream of a session, after the response.
    #[must_use]
    pub fn resetting_stream(self, session: &str) -> Self {
        self.on_stream(session, OnStream::Reset)
    }

    fn on_stream(mut self, session: &str, what: OnStream) -> Self {
        self.on_streams.push((session.to_owned(), what));
        self
    }

    /// Closes the connection after the bytes.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.end = End::Close;
        self
    }

    /// Resets the connection after the bytes.
    #[must_use]
    pub fn then_reset(mut self) -> Self {
        self.end = End::Reset;
        self
    }

    /// Sends nothing more on the connection after the bytes, and keeps it open.
    #[must_use]
    pub fn then_hang(mut self) -> Self {
        self.end = End::Hang;
        self
    }

    /// Sends only this many bytes.
    #[must_use]
    pub fn shortened_to(mut self, bytes: usize) -> Self {
        self.bytes.truncate(bytes);
        self
    }

    /// Writes byte by byte, with a pause between two.
    #[must_use]
    pub fn byte_by_byte(mut self, between: Duration) -> Self {
        self.between = Some(between);
        self
    }

    /// Sends only this many bytes, and closes the connection.
    #[must_use]
    pub fn broken_off_after(mut self, bytes: usize) -> Self {
        self.bytes.truncate(bytes);
        self.then_close()
    }

    /// Adds a header to a response.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let line = format!("{name}: {value}\r\n").into_bytes();
        let first_line = self.bytes.iter().position(|byte| *byte == b'\n');
        let at = first_line.map_or(0, |at| at + 1);
        self.bytes.splice(at..at, line);
        self
    }

    /// The bytes of the response.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Waits before the first byte.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }
}
