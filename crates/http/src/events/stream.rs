//! The events of a response.

use std::time::Duration;

use mcp_pool_core::error::{FaultKind, Outcome};
use tokio::time::timeout;

use super::parser::{Event, EventParser};
use crate::fault::HttpFault;

/// The events of a response with an event stream as its body. Dropping it closes the connection.
#[derive(Debug)]
pub struct EventStream {
    response: reqwest::Response,
    parser: EventParser,
    max_event: usize,
    idle_timeout: Option<Duration>,
    /// What ended the stream; events before it are returned first.
    end: Option<Result<(), HttpFault>>,
}

impl EventStream {
    /// Reads the events of a response, each of at most `max_event` bytes.
    #[must_use]
    pub fn new(response: reqwest::Response, max_event: usize) -> Self {
        Self {
            response,
            parser: EventParser::default(),
            max_event,
            idle_timeout: None,
            end: None,
        }
    }

    /// Cuts an event that is too large ([`Event::is_cut`]), and goes on with the next one. Default:
    /// such an event ends the stream.
    #[must_use]
    pub fn cutting_events(mut self) -> Self {
        self.parser = self.parser.cutting_events();
        self
    }

    /// Ends the stream after this time without a byte. Default: never.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Waits for the next event with data. `None`: the server ended the stream.
    ///
    /// # Errors
    /// - [`HttpFault`] of kind `Unreachable`: the connection broke off.
    /// - [`HttpFault`] of kind `TooLarge`: an event is larger than allowed.
    /// - [`HttpFault`] of kind `Timeout`: nothing came for longer than the idle timeout.
    ///
    /// The stream has ended then.
    ///
    /// # Cancel safety
    /// Safe; no event is lost to a dropped call.
    pub async fn next(&mut self) -> Result<Option<Event>, HttpFault> {
        loop {
            if let Some(event) = self.parser.next_event() {
                return Ok(Some(event));
            }
            if let Some(end) = &self.end {
                return end.clone().map(|()| None);
            }
            match self.chunk().await {
                Ok(Some(chunk)) => {
                    if self.parser.feed(&chunk, self.max_event).is_err() {
                        self.end = Some(Err(HttpFault::too_large(self.max_event)));
                    }
                }
                Ok(None) => {
                    self.end = Some(Ok(()));
                    if let Some(event) = self.parser.finish() {
                        return Ok(Some(event));
                    }
                }
                Err(fault) => self.end = Some(Err(fault)),
            }
        }
    }

    /// The id of the last event that has one, from which the stream can be resumed.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.parser.last_id()
    }

    /// The pause before reconnecting that the server asks for.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.parser.retry()
    }

    async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, HttpFault> {
        let chunk = self.response.chunk();
        let chunk = match self.idle_timeout {
            Some(limit) => timeout(limit, chunk).await.map_err(|_| idle())?,
            None => chunk.await,
        };
        chunk.map_err(HttpFault::of_body)
    }
}

fn idle() -> HttpFault {
    let what = "nothing came on the stream for too long";
    HttpFault::suspect(Outcome::Unknown, FaultKind::Timeout, what)
}
