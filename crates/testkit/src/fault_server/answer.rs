//! An answer before a fault strikes it.

use serde_json::Value;

use super::wire::Wire;
use crate::raw::Reply;

/// An answer to a request that was executed.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) wire: Wire,
    /// The session whose stream carries the answer over HTTP+SSE.
    pub(super) stream: String,
    /// The session that a response over Streamable HTTP opens.
    pub(super) opens: Option<String>,
    pub(super) message: Value,
}

impl Answer {
    /// The answer as it should be.
    pub(super) fn whole(&self) -> Reply {
        self.of(&[self.message.to_string()])
    }

    /// A reply with these messages instead of the answer.
    pub(super) fn of(&self, messages: &[String]) -> Reply {
        match self.wire {
            Wire::Sse => messages.iter().fold(Reply::status(202), |reply, message| {
                reply.with_raw_event(&self.stream, message)
            }),
            Wire::Events => self.with_session(events(messages)),
            Wire::Json => self.responses(messages, "application/json"),
        }
    }

    /// A reply of these messages on one stream of events, also where an answer alone is JSON.
    pub(super) fn on_one_stream(&self, messages: &[String]) -> Reply {
        match self.wire {
            Wire::Sse | Wire::Events => self.of(messages),
            Wire::Json => self.with_session(events(messages)),
        }
    }

    /// A response for each message, of which only the first was requested.
    pub(super) fn responses(&self, messages: &[String], content_type: &str) -> Reply {
        let bytes = messages.iter().flat_map(|message| {
            let length = message.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}"
            );
            format!("{head}\r\n\r\n{message}").into_bytes()
        });
        self.with_session(Reply::bytes(bytes.collect()))
    }

    /// The length of the head of the response, and of the whole response, over Streamable HTTP.
    pub(super) fn lengths(&self) -> Lengths {
        let bytes = self.whole().into_bytes();
        let head = bytes.windows(4).position(|it| it == b"\r\n\r\n");
        Lengths {
            head: head.map_or(0, |at| at + 4),
            whole: bytes.len(),
        }
    }

    fn with_session(&self, reply: Reply) -> Reply {
        match &self.opens {
            Some(session) => reply.with_header("mcp-session-id", session),
            None => reply,
        }
    }
}

/// How long a response is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    pub(super) head: usize,
    pub(super) whole: usize,
}

/// A response of events in chunks.
fn events(messages: &[String]) -> Reply {
    let mut text = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n".to_owned();
    text.push_str("transfer-encoding: chunked\r\n\r\n");
    for message in messages {
        let event = format!("event: message\ndata: {message}\n\n");
        text.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
    }
    text.push_str("0\r\n\r\n");
    Reply::bytes(text.into_bytes())
}
