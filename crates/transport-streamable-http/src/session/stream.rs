//! Streams from the server: the standalone one, and those that resume an interrupted answer.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use mcp_pool_core::{error::FaultKind, extend::Era};
use mcp_pool_http::HttpFault;
use rmcp::transport::{
    common::client_side_sse::SseRetryPolicy,
    streamable_http_client::{AuthRequiredError, StreamableHttpError},
};
use tokio::time::Instant;

use super::connection::{Connection, Outgoing, StreamState};
use crate::response::{Events, events};

/// One stream to be opened.
pub(crate) struct StreamRequest {
    pub(crate) last_event_id: Option<String>,
    pub(crate) protocol: HashMap<HeaderName, HeaderValue>,
    pub(crate) max_event: usize,
}

/// How often a broken stream is resumed before it is given up, and after which pause.
#[derive(Debug)]
pub(crate) struct ResumePolicy;

impl StreamRequest {
    /// Opens the stream.
    ///
    /// # Errors
    /// [`StreamableHttpError::ServerDoesNotSupportSse`] and
    /// [`StreamableHttpError::AuthRequired`] keep rmcp from trying again.
    pub(crate) async fn open(
        self,
        connection: &Arc<Connection>,
    ) -> Result<Events, StreamableHttpError<HttpFault>> {
        if connection.era == Era::Stateless {
            // Nothing is resumed, and there is no stream but those of requests.
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let resumes = self.last_event_id.is_some();
        if !resumes && !connection.wants_stream {
            settle(connection, StreamState::Absent);
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let outgoing = Outgoing {
            method: Method::GET,
            call: None,
            body: None,
            last_event_id: self.last_event_id,
            protocol: &self.protocol,
        };
        let opened = match connection.send(outgoing).await {
            Ok(response) if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
                settle(connection, StreamState::Absent);
                return Err(StreamableHttpError::ServerDoesNotSupportSse);
            }
            Ok(response) if response.status().is_success() => Ok(response),
            // Whoever could do without takes any other "no" for one as well.
            Ok(_) if !resumes && !connection.needs_stream => {
                settle(connection, StreamState::Absent);
                return Err(StreamableHttpError::ServerDoesNotSupportSse);
            }
            Ok(response) => Err(HttpFault::of_status(
                response.status(),
                response.headers(),
                connection.is_in_session(),
            )),
            Err(fault) => Err(fault),
        };
        match opened {
            Ok(response) => {
                settle(connection, StreamState::Open);
                Ok(with_idle_check(
                    connection,
                    events(response, self.max_event, None),
                ))
            }
            Err(fault) => Err(to_rmcp_error(connection, fault)),
        }
    }
}

impl SseRetryPolicy for ResumePolicy {
    fn retry(&self, times: usize) -> Option<Duration> {
        (times < MAX_RESUMES).then_some(PAUSE)
    }
}

/// Tells the handshake what became of the standalone stream.
fn settle(connection: &Connection, state: StreamState) {
    connection.stream.send_if_modified(|now| {
        let first = *now == StreamState::Unknown;
        if first {
            *now = state;
        }
        first
    });
}

/// What rmcp is told of a stream that could not be opened, and what the pool is.
fn to_rmcp_error(connection: &Connection, fault: HttpFault) -> StreamableHttpError<HttpFault> {
    connection.note_fault(&fault);
    settle(connection, StreamState::Failed);
    let is_hopeless = match fault.kind() {
        FaultKind::SessionGone | FaultKind::Unauthorized(_) | FaultKind::Forbidden(_) => true,
        _ => connection.note_idle_stream() > MAX_RESUMES,
    };
    if !is_hopeless {
        return StreamableHttpError::Client(fault);
    }
    if connection.needs_stream || *fault.kind() == FaultKind::SessionGone {
        connection.close_notifier.notify();
    }
    // Without a text: the challenge is not for logs.
    StreamableHttpError::AuthRequired(AuthRequiredError::new(String::new()))
}

/// Ends a stream that ends again and again without a word, so that a server cannot keep a client
/// busy for ever with reconnecting.
fn with_idle_check(connection: &Arc<Connection>, events: Events) -> Events {
    let began = Instant::now();
    let spoke = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&spoke);
    let speaker = Arc::clone(connection);
    let end = {
        let connection = Arc::clone(connection);
        futures::stream::once(async move {
            if spoke.load(Ordering::Relaxed) || began.elapsed() >= MIN_LIFETIME {
                connection.note_busy_stream();
            } else if connection.note_idle_stream() > MAX_SILENT_STREAMS && connection.needs_stream
            {
                connection.close_notifier.notify();
            }
        })
        .filter_map(|()| futures::future::ready(None))
    };
    events
        .inspect(move |event| {
            if matches!(event, Ok(event) if event.data.is_some()) {
                hears.store(true, Ordering::Relaxed);
                speaker.note_busy_stream();
            }
        })
        .chain(end)
        .boxed()
}

const MAX_RESUMES: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// A stream that lived this long was no failure, even if it had nothing to say.
const MIN_LIFETIME: Duration = Duration::from_secs(10);
const MAX_SILENT_STREAMS: usize = 8;
