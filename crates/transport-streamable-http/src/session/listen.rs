//! The task that reads the standalone stream.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    error::FaultKind,
    extend::{IncomingKind, read_messages},
};
use mcp_pool_http::{EventStream, HttpFault};
use tokio::time::{Instant, sleep};

use super::{
    connection::Connection,
    pace::Pace,
    read::PROGRESS,
    standalone::{Standalone, StreamState},
};

impl Connection {
    /// Starts reading the standalone stream, where the session wants one, until the session ends.
    ///
    /// The stream never decides over its session: a refusal means that the server has none.
    pub(crate) fn start_listening(self: &Arc<Self>) {
        if self.standalone.is_none() {
            return;
        }
        if !self.is_in_session() {
            return self.settle(StreamState::Absent);
        }
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let ended = connection.ended.clone();
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                () = connection.listen() => {}
            }
        });
    }

    /// Waits until it is known whether there is a standalone stream, for a short time: a server
    /// that does not answer must not hold up its session.
    pub(crate) async fn stream_settled(&self) {
        let Some(standalone) = self.standalone.as_deref() else {
            return;
        };
        let mut state = standalone.state.subscribe();
        let settled = state.wait_for(|state| *state != StreamState::Unknown);
        let _ = tokio::time::timeout(SETTLE_TIMEOUT, settled).await;
    }

    async fn listen(&self) {
        let Some(standalone) = self.standalone.as_deref() else {
            return;
        };
        let mut pace = Pace::of_standalone();
        let mut last_id: Option<String> = None;
        let mut was_open = false;
        loop {
            let mut asked = None;
            match self.get(last_id.as_deref()).await {
                Ok(response) => {
                    was_open = true;
                    self.settle(StreamState::Open);
                    let began = Instant::now();
                    let mut events = EventStream::new(response, self.limits.max_event);
                    let had_event = self.receive_all(standalone, &mut events).await;
                    if had_event || began.elapsed() >= MIN_LIFETIME {
                        pace.note_event();
                    }
                    last_id = events.last_id().map(str::to_owned).or(last_id);
                    asked = events.retry();
                }
                Err(fault) if was_open && *fault.kind() == FaultKind::SessionGone => {
                    // The server knew the session when the stream was opened first.
                    return self.note_gone();
                }
                Err(fault) if is_refusal(&fault) => return self.settle(StreamState::Absent),
                Err(_) => {}
            }
            let Some(pause) = pace.pause(asked) else {
                return;
            };
            sleep(pause).await;
        }
    }

    /// Receives what comes on the stream until it ends. Returns whether anything came.
    async fn receive_all(&self, standalone: &Standalone, events: &mut EventStream) -> bool {
        let mut had_event = false;
        while let Ok(Some(event)) = events.next().await {
            had_event = true;
            for message in read_messages(event.data.as_bytes()).into_iter().flatten() {
                match message.kind() {
                    IncomingKind::Error | IncomingKind::Result => standalone.answer(&message),
                    // The reader does not wait for handlers.
                    _ => {
                        let delivery = self.inbox.receive(&message).await;
                        if message.method() == Some(PROGRESS) {
                            standalone.note_progress(&message, delivery);
                        }
                    }
                }
            }
        }
        had_event
    }

    fn settle(&self, state: StreamState) {
        if let Some(standalone) = &self.standalone {
            standalone.state.send_replace(state);
        }
    }
}

/// True for an answer of the server, and false where none came.
fn is_refusal(fault: &HttpFault) -> bool {
    !matches!(
        fault.kind(),
        FaultKind::Credentials(_)
            | FaultKind::Server { .. }
            | FaultKind::Timeout
            | FaultKind::Tls
            | FaultKind::Unreachable
    )
}

/// A stream that lived this long is not idle, even without events.
const MIN_LIFETIME: Duration = Duration::from_secs(10);
/// How long a new session waits for the answer to its request for a stream.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
