//! The task that reads the standalone stream.

use std::{sync::Arc, time::Duration};

use http::Method;
use mcp_pool_core::extend::{IncomingKind, ServerStream, read_messages};
use mcp_pool_http::EventStream;
use tokio::time::{Instant, sleep};

use super::{
    connection::{Connection, Outgoing},
    pace::Pace,
    read::PROGRESS,
    standalone::Standalone,
};
use crate::{
    known_stream::StreamHabit,
    response::{NoStream, stream_in},
};

impl Connection {
    /// Starts reading the standalone stream, where the session wants one, until the session ends.
    ///
    /// The stream never decides over its session. A server that has refused a stream lately is not
    /// requested to open one.
    pub(crate) fn start_listening(self: &Arc<Self>) {
        let Some(standalone) = self.standalone() else {
            return;
        };
        let known = &self.server.stream;
        if !self.is_in_session() || known.habit() == Some(StreamHabit::Refuses) {
            return standalone.settle(ServerStream::Absent);
        }
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = connection.ended.wait() => {}
                () = connection.listen() => {}
            }
        });
    }

    /// The standalone stream; `None` for a session that wants none.
    pub(super) fn standalone(&self) -> Option<&Standalone> {
        self.known_rare()?.standalone.get()
    }

    /// Has the session want a standalone stream. `false` where it wanted one before.
    pub(super) fn want_standalone(&self) -> bool {
        let mut is_new = false;
        self.rare().standalone.get_or_init(|| {
            is_new = true;
            Standalone::new(self.close_notifier.server_stream())
        });
        is_new
    }

    /// Opens the standalone stream of a session that wanted none so far, and waits until it is known
    /// whether there is one, for a short time.
    pub(super) async fn listen_from_now_on(self: &Arc<Self>) {
        if !self.is_in_session() {
            return;
        }
        if self.want_standalone() {
            self.start_listening();
        }
        self.stream_settled().await;
    }

    /// Waits until it is known whether there is a standalone stream, for a short time: a server
    /// that does not answer must not hold up its session, and no second one at all.
    pub(crate) async fn stream_settled(&self) {
        let Some(standalone) = self.standalone() else {
            return;
        };
        if self.server.stream.habit() == Some(StreamHabit::Slow) {
            return;
        }
        let settled = tokio::time::timeout(SETTLE_TIMEOUT, standalone.settled()).await;
        if settled.is_err() {
            self.server.stream.note(StreamHabit::Slow);
        }
    }

    async fn listen(&self) {
        let Some(standalone) = self.standalone() else {
            return;
        };
        let mut pace = Pace::of_standalone();
        let mut last_id: Option<String> = None;
        let mut was_open = false;
        loop {
            let mut asked = None;
            match self.open_stream(last_id.as_deref()).await {
                Ok(response) => {
                    was_open = true;
                    self.server.stream.forget();
                    standalone.settle(ServerStream::Open);
                    let began = Instant::now();
                    let events = EventStream::new(response, self.limits.max_event);
                    let mut events = events.cutting_events();
                    self.receive_all(standalone, &mut events).await;
                    // Events alone are no sign of it: a proxy may cut each stream after the first.
                    if began.elapsed() >= MIN_LIFETIME {
                        pace.note_progress();
                    }
                    last_id = events.last_id().map(str::to_owned).or(last_id);
                    asked = events.retry();
                }
                Err(NoStream::Here) if !was_open => {
                    self.server.stream.note(StreamHabit::Refuses);
                    return standalone.settle(ServerStream::Absent);
                }
                Err(_) => {
                    // The server may have forgotten the event.
                    last_id = None;
                    if !was_open {
                        self.server.stream.note(StreamHabit::Slow);
                    }
                }
            }
            standalone.settle(ServerStream::Pending);
            let Some(pause) = pace.pause(asked) else {
                return;
            };
            sleep(pause).await;
        }
    }

    /// Requests the standalone stream, from the event on that `last_event_id` names.
    async fn open_stream(
        &self,
        last_event_id: Option<&str>,
    ) -> Result<reqwest::Response, NoStream> {
        let outgoing = Outgoing {
            method: Method::GET,
            call: None,
            request: None,
            body: None,
            last_event_id,
        };
        match self.send(outgoing).await {
            Ok(response) => stream_in(response).await,
            Err(_) => Err(NoStream::Now),
        }
    }

    /// Receives what comes on the stream until it ends.
    async fn receive_all(&self, standalone: &Standalone, events: &mut EventStream) {
        while let Ok(Some(event)) = events.next().await {
            if event.is_cut {
                continue;
            }
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
    }
}

/// A stream that lived this long is one that its server and network allow.
const MIN_LIFETIME: Duration = Duration::from_secs(10);
/// How long a new session waits for the answer to its request for a stream.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
