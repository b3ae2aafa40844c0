//! Reading of the answer to a request.

use http::Method;
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{Answer, Delivery, read_messages},
};
use mcp_pool_http::{EventStream, HttpFault, body};

use super::{
    connection::{Connection, Outgoing},
    pace::Pace,
};
use crate::response::{SentRequest, is_event_stream, read_refusal, refusal_of};

impl Connection {
    /// Reads the response to a request.
    pub(super) async fn read(
        &self,
        response: reqwest::Response,
        sent: &SentRequest<'_>,
    ) -> Result<Answer, HttpFault> {
        if !response.status().is_success() {
            return read_refusal(response, sent, self.limits.max_body).await;
        }
        if is_event_stream(response.headers()) {
            return self.read_events(response, sent).await;
        }
        let body = body(response, self.limits.max_body).await?;
        let mut progress = Delivery::default();
        match self.take(&body, sent, &mut progress).await {
            Taken::Answer(answer) => {
                progress.handled().await;
                Ok(answer)
            }
            Taken::Others => Err(unreadable("the body does not answer the request")),
            Taken::Nothing => Err(unreadable("the body is no JSON-RPC message")),
        }
    }

    /// Reads events until the answer comes. A legacy server may end the stream and go on with it
    /// elsewhere (revision 2025-11-25, transports, resumability).
    async fn read_events(
        &self,
        response: reqwest::Response,
        sent: &SentRequest<'_>,
    ) -> Result<Answer, HttpFault> {
        let mut events = EventStream::new(response, self.limits.max_event);
        let mut progress = Delivery::default();
        let mut pace = Pace::of_answer();
        let mut last_id = None;
        loop {
            let (fault, is_ended) = loop {
                match events.next().await {
                    Ok(Some(event)) => {
                        pace.note_progress();
                        let taken = self.take(event.data.as_bytes(), sent, &mut progress).await;
                        if let Taken::Answer(answer) = taken {
                            progress.handled().await;
                            return Ok(answer);
                        }
                    }
                    Ok(None) => break (ended_early(), true),
                    Err(fault) => break (fault, false),
                }
            };
            // A request that opens a session is sent again instead, unless the server closed the stream.
            if sent.introduces && !is_ended {
                return Err(fault);
            }
            // The pause that a server requests is for streams that it closes (revision 2025-11-25,
            // transports).
            let asked = events.retry().filter(|_| is_ended);
            last_id = events.last_id().map(str::to_owned).or(last_id);
            let Some(id) = self.resumable(last_id.as_deref(), &fault) else {
                return Err(fault);
            };
            let Some(pause) = pace.pause(asked) else {
                return Err(fault);
            };
            tokio::time::sleep(pause).await;
            match self.get(Some(id)).await {
                Ok(response) => events = EventStream::new(response, self.limits.max_event),
                Err(_) => return Err(fault),
            }
        }
    }

    /// The event to resume a broken answer from. The connection broke, and not the events.
    fn resumable<'i>(&self, last_id: Option<&'i str>, fault: &HttpFault) -> Option<&'i str> {
        let is_broken = *fault.kind() == FaultKind::Unreachable;
        last_id.filter(|_| is_broken && self.is_in_session())
    }

    /// Takes the answer out of a text, and gives everything beside it to the inbox.
    async fn take(&self, text: &[u8], sent: &SentRequest<'_>, progress: &mut Delivery) -> Taken {
        let Some(messages) = read_messages(text) else {
            return Taken::Nothing;
        };
        let mut answer = None;
        for message in &messages {
            if answer.is_none() {
                answer = sent.answer_in(message);
                if answer.is_some() {
                    continue;
                }
            }
            if sent.introduces && message.method() != Some(PING) {
                self.rare().early.keep(message);
                continue;
            }
            let delivery = self.inbox.receive(message).await;
            if message.method() == Some(PROGRESS) {
                *progress = delivery;
            }
        }
        answer.map_or(Taken::Others, Taken::Answer)
    }

    /// Opens an event stream by GET.
    pub(super) async fn get(
        &self,
        last_event_id: Option<&str>,
    ) -> Result<reqwest::Response, HttpFault> {
        let response = self
            .send(Outgoing {
                method: Method::GET,
                call: None,
                request: None,
                body: None,
                last_event_id,
            })
            .await?;
        if !response.status().is_success() {
            return Err(refusal_of(response, self.is_in_session()).await);
        }
        match is_event_stream(response.headers()) {
            true => Ok(response),
            false => Err(unreadable("the response is no event stream")),
        }
    }
}

/// What a text holds.
enum Taken {
    Answer(Answer),
    /// No JSON-RPC message.
    Nothing,
    /// Other messages.
    Others,
}

fn ended_early() -> HttpFault {
    HttpFault::cut_off("the response ended before the answer came")
}

pub(super) fn unreadable(what: &'static str) -> HttpFault {
    HttpFault::harmless(Outcome::Unknown, FaultKind::Protocol, what)
}

const PING: &str = "ping";
pub(super) const PROGRESS: &str = "notifications/progress";
