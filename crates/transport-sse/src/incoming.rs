//! What comes on a session's stream.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderValue, header};
use mcp_pool_core::{ConnectError, Credentials, FaultKind, Outcome};
use mcp_pool_http::{HttpFault, bounded, send, unexpected};
use reqwest::Url;
use sse_stream::{Sse, SseStream};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{announcement::resolve, connector::Limits};

/// The stream of one session. Dropping or closing it ends the session on the server, since its
/// connection is closed.
pub(crate) struct Incoming {
    open: Option<Open>,
    /// Cancelled when the stream is closed.
    pub(crate) closed: CancellationToken,
}

struct Open {
    events: BoxStream<'static, Result<Sse, sse_stream::Error>>,
    /// After the events, so that it tells of their end.
    _closed: DropGuard,
}

/// One event, as the protocol has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Where the server wants its messages.
    Endpoint(String),
    Message(String),
    /// One that the protocol does not have, or without data.
    Other,
}

impl Incoming {
    /// Asks for a stream.
    ///
    /// # Errors
    /// No response came, or none that is a stream of events.
    pub(crate) async fn open(
        http: &reqwest::Client,
        credentials: &Credentials,
        url: &Url,
        limits: Limits,
    ) -> Result<Self, ConnectError> {
        let request = |headers| http.get(url.clone()).headers(headers_of(headers));
        let response = send(credentials, None, request).await?;
        if !response.status().is_success() {
            let fault = HttpFault::of_status(response.status(), response.headers(), false);
            return Err(fault.into());
        }
        if !is_events(response.headers()) {
            return Err(unexpected("the response is no stream of events"));
        }
        Ok(Self::of(
            bounded(response, limits.max_event),
            limits.idle_timeout,
        ))
    }

    fn of(
        bytes: impl Stream<Item = Result<Bytes, HttpFault>> + Send + 'static,
        patience: Option<Duration>,
    ) -> Self {
        let closed = CancellationToken::new();
        let open = Open {
            events: SseStream::from_bytes_stream(watched(bytes, patience)).boxed(),
            _closed: closed.clone().drop_guard(),
        };
        Self {
            open: Some(open),
            closed,
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// The stream is at its end, whichever way it got there. It is closed.
    pub(crate) async fn next(&mut self) -> Result<Event, HttpFault> {
        let Some(open) = &mut self.open else {
            return Err(ended());
        };
        let fault = match open.events.next().await {
            Some(Ok(event)) => return Ok(Event::of(event)),
            Some(Err(error)) => fault_of(error),
            None => ended(),
        };
        self.close();
        Err(fault)
    }

    /// Where the server wants its messages, which it has to say first.
    ///
    /// # Errors
    /// It says something else, ends the stream, or names a place that is not its own.
    pub(crate) async fn endpoint(&mut self, stream: &Url) -> Result<Url, ConnectError> {
        loop {
            match self.next().await? {
                Event::Endpoint(announced) => return Ok(resolve(stream, &announced)?),
                Event::Message(_) => {
                    return Err(unexpected("a message came before the endpoint"));
                }
                Event::Other => {}
            }
        }
    }

    pub(crate) fn close(&mut self) {
        self.open = None;
    }
}

impl Event {
    fn of(event: Sse) -> Self {
        match (event.event.as_deref(), event.data) {
            (Some("endpoint"), Some(data)) => Self::Endpoint(data),
            (None | Some("" | "message"), Some(data)) if !data.is_empty() => Self::Message(data),
            _ => Self::Other,
        }
    }
}

/// Ends with a fault when nothing comes for too long.
fn watched(
    bytes: impl Stream<Item = Result<Bytes, HttpFault>> + Send + 'static,
    patience: Option<Duration>,
) -> BoxStream<'static, Result<Bytes, HttpFault>> {
    let Some(patience) = patience else {
        return bytes.boxed();
    };
    let next = move |bytes: Option<BoxStream<'static, _>>| async move {
        let mut bytes = bytes?;
        match timeout(patience, bytes.next()).await {
            Ok(chunk) => chunk.map(|chunk| (chunk, Some(bytes))),
            Err(_) => Some((Err(silent()), None)),
        }
    };
    futures::stream::unfold(Some(bytes.boxed()), next).boxed()
}

fn headers_of(mut headers: HeaderMap) -> HeaderMap {
    let events = HeaderValue::from_static(EVENTS);
    headers.insert(header::ACCEPT, events);
    headers
}

fn is_events(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = text.split(';').next().unwrap_or("").trim();
    media.eq_ignore_ascii_case(EVENTS)
}

fn fault_of(error: sse_stream::Error) -> HttpFault {
    let unreadable = || {
        let what = "the stream is not made of events";
        HttpFault::new(Outcome::Unknown, FaultKind::Protocol, what)
    };
    match error {
        sse_stream::Error::Body(error) => match error.downcast::<HttpFault>() {
            Ok(fault) => *fault,
            Err(_) => unreadable(),
        },
        _ => unreadable(),
    }
}

/// A stream that ends is a session that ends; nothing in the protocol resumes one.
fn ended() -> HttpFault {
    let what = "the server ended the stream";
    HttpFault::new(Outcome::Unknown, FaultKind::SessionGone, what)
}

fn silent() -> HttpFault {
    let what = "nothing came on the stream for too long";
    HttpFault::new(Outcome::Unknown, FaultKind::Timeout, what)
}

const EVENTS: &str = "text/event-stream";
