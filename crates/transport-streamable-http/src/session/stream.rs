//! Event streams by GET: the standalone one, and resumed answers.

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

/// One request for a stream.
pub(crate) struct StreamRequest {
    pub(crate) last_event_id: Option<String>,
    pub(crate) protocol: HashMap<HeaderName, HeaderValue>,
    pub(crate) max_event: usize,
}

/// Resumes a broken stream at most three times, after a pause of 200 ms.
#[derive(Debug)]
pub(crate) struct ResumePolicy;

impl StreamRequest {
    /// Opens the stream.
    ///
    /// # Errors
    /// [`StreamableHttpError::ServerDoesNotSupportSse`]: there is no stream. rmcp does not retry.
    /// [`StreamableHttpError::AuthRequired`]: retries are useless. rmcp does not retry.
    /// [`StreamableHttpError::Client`]: the stream failed. rmcp retries.
    pub(crate) async fn open(
        self,
        connection: &Arc<Connection>,
    ) -> Result<Events, StreamableHttpError<HttpFault>> {
        if connection.era == Era::Stateless {
            // A stateless server has no standalone stream and resumes none.
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
            // A session that does not need the stream accepts any other rejection.
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

/// Publishes the first state of the standalone stream to the handshake.
fn settle(connection: &Connection, state: StreamState) {
    connection.stream.send_if_modified(|now| {
        let first = *now == StreamState::Unknown;
        if first {
            *now = state;
        }
        first
    });
}

/// Converts a failed stream into an error for rmcp, and notifies the pool.
fn to_rmcp_error(connection: &Connection, fault: HttpFault) -> StreamableHttpError<HttpFault> {
    connection.note_fault(&fault);
    settle(connection, StreamState::Failed);
    let is_hopeless = match fault.kind() {
        FaultKind::Credentials(_)
        | FaultKind::SessionGone
        | FaultKind::Unauthorized(_)
        | FaultKind::Forbidden(_) => true,
        _ => connection.note_idle_stream() > MAX_RESUMES,
    };
    if !is_hopeless {
        return StreamableHttpError::Client(fault);
    }
    if connection.needs_stream || *fault.kind() == FaultKind::SessionGone {
        connection.close_notifier.notify();
    }
    // Without a text, so that rmcp cannot log the challenge.
    StreamableHttpError::AuthRequired(AuthRequiredError::new(String::new()))
}

/// Counts the stream as idle if it ends soon without an event.
///
/// After too many idle streams, a session that needs its stream leaves the pool, so that the server
/// cannot make it reconnect for ever.
fn with_idle_check(connection: &Arc<Connection>, events: Events) -> Events {
    let began = Instant::now();
    let had_event = Arc::new(AtomicBool::new(false));
    let event_seen = Arc::clone(&had_event);
    let observed = Arc::clone(connection);
    let end = {
        let connection = Arc::clone(connection);
        futures::stream::once(async move {
            if had_event.load(Ordering::Relaxed) || began.elapsed() >= MIN_LIFETIME {
                connection.note_busy_stream();
            } else if connection.note_idle_stream() > MAX_IDLE_STREAMS && connection.needs_stream {
                connection.close_notifier.notify();
            }
        })
        .filter_map(|()| futures::future::ready(None))
    };
    events
        .inspect(move |event| {
            if matches!(event, Ok(event) if event.data.is_some()) {
                event_seen.store(true, Ordering::Relaxed);
                observed.note_busy_stream();
            }
        })
        .chain(end)
        .boxed()
}

const MAX_RESUMES: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// A stream that lived this long is not idle, even without events.
const MIN_LIFETIME: Duration = Duration::from_secs(10);
const MAX_IDLE_STREAMS: usize = 8;
