//! The standalone stream of a session: its state, and answers that come on it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mcp_pool_core::extend::{
    Answer, Delivery, Incoming, IncomingKind, ResultKind, ServerStream, ServerStreamState,
};
use rmcp::model::RequestId;
use serde::Deserialize;
use tokio::sync::{oneshot, watch};

use crate::response::SentRequest;

/// The standalone stream of a session.
pub(crate) struct Standalone {
    /// The state, as the session's users see it.
    state: ServerStreamState,
    /// True once it is known whether there is a stream.
    settled: watch::Sender<bool>,
    /// The calls whose answers may come on the stream.
    expected: Mutex<HashMap<RequestId, Expected>>,
}

struct Expected {
    kind: ResultKind,
    answer: oneshot::Sender<(Answer, Delivery)>,
    /// The last progress of the call that came on the stream.
    progress: Delivery,
}

/// The part of a progress notification that names its call.
#[derive(Deserialize)]
struct Progress {
    params: ProgressParams,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProgressParams {
    progress_token: RequestId,
}

/// An answer that may come on the stream. Dropping it gives it up.
pub(super) struct ExpectedAnswer<'s> {
    stream: &'s Standalone,
    id: RequestId,
    answer: oneshot::Receiver<(Answer, Delivery)>,
}

impl Standalone {
    /// A stream that will be requested, whose state `state` shows.
    pub(super) fn new(state: ServerStreamState) -> Self {
        state.set(ServerStream::Pending);
        Self {
            state,
            settled: watch::Sender::new(false),
            expected: Mutex::default(),
        }
    }

    /// Changes the state. The server has answered, or failed.
    pub(super) fn settle(&self, state: ServerStream) {
        self.state.set(state);
        self.settled.send_replace(true);
    }

    /// Waits until it is known whether there is a stream.
    pub(super) async fn settled(&self) {
        let mut settled = self.settled.subscribe();
        // The sender lives as long as this value.
        let _ = settled.wait_for(|settled| *settled).await;
    }

    /// Expects the answer to a request, where the stream is open.
    pub(super) fn expect_answer(&self, sent: &SentRequest<'_>) -> Option<ExpectedAnswer<'_>> {
        if self.state.get() != ServerStream::Open {
            return None;
        }
        let (sender, answer) = oneshot::channel();
        let expected = Expected {
            kind: sent.kind,
            answer: sender,
            progress: Delivery::default(),
        };
        self.lock().insert(sent.id.clone(), expected);
        Some(ExpectedAnswer {
            stream: self,
            id: sent.id.clone(),
            answer,
        })
    }

    /// Gives an answer to the call that expects it. Any other one is ignored.
    pub(super) fn answer(&self, message: &Incoming<'_>) {
        let Some(expected) = message.id().and_then(|id| self.lock().remove(&id)) else {
            return;
        };
        let answer = match message.kind() {
            IncomingKind::Result => message
                .result()
                .map(|result| Answer::from_raw(expected.kind, result.to_owned())),
            _ => message.error().map(Answer::from_error),
        };
        if let Some(answer) = answer {
            // The call may have ended meanwhile.
            let _ = expected.answer.send((answer, expected.progress));
        }
    }

    /// Keeps the delivery of a call's progress, which its answer must not overtake.
    pub(super) fn note_progress(&self, message: &Incoming<'_>, delivery: Delivery) {
        let Ok(progress) = serde_json::from_str::<Progress>(message.text()) else {
            return;
        };
        if let Some(expected) = self.lock().get_mut(&progress.params.progress_token) {
            expected.progress = delivery;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Expected>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExpectedAnswer<'_> {
    /// Waits for the answer, and for the delivery of the progress before it; `None`: the stream's
    /// session has ended.
    pub(super) async fn answer(mut self) -> Option<Answer> {
        let (answer, progress) = (&mut self.answer).await.ok()?;
        progress.handled().await;
        Some(answer)
    }
}

impl Drop for ExpectedAnswer<'_> {
    fn drop(&mut self) {
        self.stream.lock().remove(&self.id);
    }
}
