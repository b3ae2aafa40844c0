//! The event stream of a session.

use http::{HeaderMap, HeaderValue, Method, header};
use mcp_pool_core::{
    error::{ConnectError, FaultKind, Outcome},
    extend::{Credentials, RequestTarget, protocol_violation},
};
use mcp_pool_http::{
    EventStream, HttpFault, HttpSession, Refusal, RefusalBody, send, send_repeatedly,
};
use reqwest::Url;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{announcement::resolve, limits::Limits};

/// The event stream of one session.
///
/// Dropping it closes its connection, and that ends the session on the server.
pub(crate) struct Stream {
    /// Where it was opened, after all redirects.
    pub(crate) url: Url,
    events: EventStream,
    /// Cancelled when the stream is closed.
    pub(crate) closed: CancellationToken,
    /// Cancels `closed`. Declared after `events`, since fields drop in this order: the connection
    /// is closed first.
    _guard: DropGuard,
}

/// One event of the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The server announces its endpoint for messages.
    Endpoint(String),
    /// The ends of a message that is too large.
    Cut(String),
    /// A JSON-RPC message, or a batch of them.
    Message(String),
    /// An event of an unknown name, such as `ping`.
    Other,
}

impl Stream {
    /// Opens a stream.
    ///
    /// # Errors
    /// No response came, or the response is no event stream.
    pub(crate) async fn open(
        http: &reqwest::Client,
        session: &HttpSession,
        credentials: &Credentials,
        url: &Url,
        limits: Limits,
    ) -> Result<Self, ConnectError> {
        let request = |headers| http.get(url.clone()).headers(headers_of(headers));
        let target = RequestTarget::http(&Method::GET, url);
        let attempt = || send(session, credentials, target, request);
        let response = send_repeatedly(attempt).await?;
        if !response.status().is_success() {
            let refusal = Refusal {
                status: response.status(),
                headers: response.headers(),
                body: RefusalBody::Other,
                in_session: false,
            };
            return Err(refusal.fault().into());
        }
        if !is_events(response.headers()) {
            return Err(protocol_violation("the response is no event stream"));
        }
        let url = response.url().clone();
        Ok(Self::of(response, url, limits))
    }

    /// Reads the events of a response.
    fn of(response: reqwest::Response, url: Url, limits: Limits) -> Self {
        let closed = CancellationToken::new();
        let events = EventStream::new(response, limits.max_event);
        Self {
            url,
            events: events
                .with_idle_timeout(limits.idle_timeout)
                .cutting_events(),
            _guard: closed.clone().drop_guard(),
            closed,
        }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The stream has ended or failed. The protocol cannot resume it, so its session has ended too.
    ///
    /// # Cancel safety
    /// Safe; no event is lost to a dropped call.
    pub(crate) async fn next(&mut self) -> Result<Event, HttpFault> {
        let event = self.events.next().await?.ok_or_else(ended)?;
        Ok(match event.name.as_str() {
            _ if event.is_cut => Event::Cut(event.data),
            "endpoint" => Event::Endpoint(event.data),
            "message" => Event::Message(event.data),
            _ => Event::Other,
        })
    }

    /// Waits for the announced endpoint, which must come before any message.
    ///
    /// # Errors
    /// A message came first, the stream ended, or the endpoint is of another origin.
    pub(crate) async fn endpoint(&mut self) -> Result<Url, ConnectError> {
        loop {
            match self.next().await? {
                Event::Endpoint(announced) => return Ok(resolve(&self.url, &announced)?),
                Event::Cut(_) | Event::Message(_) => {
                    return Err(protocol_violation("a message came before the endpoint"));
                }
                Event::Other => {}
            }
        }
    }
}

fn headers_of(mut headers: HeaderMap) -> HeaderMap {
    let events = HeaderValue::from_static(EVENTS);
    headers.insert(header::ACCEPT, events);
    headers
}

/// True when the `content-type` header names an event stream.
pub(crate) fn is_events(headers: &HeaderMap) -> bool {
    is_of_type(headers, EVENTS)
}

/// True when the `content-type` header names this media type.
pub(crate) fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = text.split(';').next().unwrap_or("").trim();
    media.eq_ignore_ascii_case(expected)
}

fn ended() -> HttpFault {
    let what = "the server ended the stream";
    HttpFault::new(Outcome::Unknown, FaultKind::SessionGone, what)
}

const EVENTS: &str = "text/event-stream";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures::FutureExt;
    use mcp_pool_testkit::streams::{ENDPOINT, STREAMS};
    use proptest::prelude::*;

    use super::*;

    fn stream(body: reqwest::Body, idle_timeout: Option<Duration>) -> Stream {
        let limits = Limits {
            idle_timeout,
            ..Limits::default()
        };
        let url = "http://localhost/sse".parse().unwrap();
        Stream::of(http::Response::new(body).into(), url, limits)
    }

    /// Reads all events of these chunks, and the kind of the fault at the end.
    fn read(chunks: Vec<Bytes>) -> (Vec<Event>, FaultKind) {
        let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
        let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
        let mut stream = stream(body, None);
        let mut events = Vec::new();
        loop {
            match stream.next().now_or_never().expect("all bytes are there") {
                Ok(Event::Other) => {}
                Ok(event) => events.push(event),
                Err(fault) => return (events, fault.kind().clone()),
            }
        }
    }

    /// Splits the bytes at these offsets.
    fn split(bytes: &[u8], offsets: &[usize]) -> Vec<Bytes> {
        let mut offsets: Vec<usize> = offsets.iter().map(|at| at % (bytes.len() + 1)).collect();
        offsets.push(bytes.len());
        offsets.sort_unstable();
        let mut begin = 0;
        let piece = |end| {
            let piece = Bytes::copy_from_slice(&bytes[begin..end]);
            begin = end;
            piece
        };
        offsets.into_iter().map(piece).collect()
    }

    fn whole(bytes: &[u8]) -> Vec<Bytes> {
        split(bytes, &[])
    }

    #[test]
    fn every_notation_of_a_stream_is_read() {
        for stream in STREAMS {
            let mut expected = vec![Event::Endpoint(ENDPOINT.to_owned())];
            let messages = stream.messages.iter();
            expected.extend(messages.map(|data| Event::Message((*data).to_owned())));
            let (events, end) = read(whole(stream.bytes));
            assert_eq!(events, expected, "{}", stream.name);
            assert_eq!(end, FaultKind::SessionGone, "{}", stream.name);
            let single: Vec<usize> = (0..stream.bytes.len()).collect();
            let (events, _) = read(split(stream.bytes, &single));
            assert_eq!(events, expected, "{} byte by byte", stream.name);
        }
    }

    #[test]
    fn a_line_of_an_unknown_form_hides_no_event() {
        let (events, end) = read(whole(b"data: 1\n\nwhat is this\ndata: 2\n\n"));
        let expected = ["1", "2"].map(|data| Event::Message(data.to_owned()));
        assert_eq!(events, expected);
        assert_eq!(end, FaultKind::SessionGone);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_stream_ends_after_the_idle_timeout_and_comments_count_as_activity() {
        let pause = Duration::from_secs(60);
        let comments = move || {
            let chunks = futures::stream::unfold(0, move |number| async move {
                tokio::time::sleep(pause).await;
                let chunk = Ok::<_, std::io::Error>(Bytes::from_static(b": alive\n\n"));
                (number < 10).then_some((chunk, number + 1))
            });
            reqwest::Body::wrap_stream(chunks)
        };
        for (idle_timeout, end) in [
            (None, FaultKind::SessionGone),
            (Some(pause * 2), FaultKind::SessionGone),
            (Some(pause / 2), FaultKind::Timeout),
        ] {
            let mut stream = stream(comments(), idle_timeout);
            let fault = stream.next().await.unwrap_err();
            assert_eq!(fault.kind(), &end, "{idle_timeout:?}");
        }
    }

    #[test]
    fn the_stream_is_closed_when_it_is_dropped() {
        let stream = stream(reqwest::Body::from(""), None);
        let closed = stream.closed.clone();
        assert!(!closed.is_cancelled());
        drop(stream);
        assert!(closed.is_cancelled());
    }

    /// Bytes with many tokens of the format.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let word = proptest::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec());
        let byte = any::<u8>().prop_map(|byte| vec![byte]);
        let part = prop_oneof![8 => word, 1 => byte];
        proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    const WORDS: &[&str] = &[
        "data: ",
        "data",
        "event: message",
        "event: endpoint",
        "id: 1",
        "retry: 1",
        "retry: x",
        "what is this",
        ":",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "\u{feff}",
        "ä€😀",
        "{}",
        "x",
        "\0",
    ];

    proptest! {
        #[test]
        fn any_chunking_of_any_bytes_gives_the_same_events_and_end(
            bytes in bytes(),
            offsets in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            prop_assert_eq!(read(split(&bytes, &offsets)), read(whole(&bytes)));
        }

        #[test]
        fn any_chunking_of_a_stream_gives_its_events(
            stream in proptest::sample::select(STREAMS),
            offsets in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            prop_assert_eq!(read(split(stream.bytes, &offsets)), read(whole(stream.bytes)));
        }
    }
}
