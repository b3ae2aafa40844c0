//! One call: the sessions it is tried on, and what becomes of a failure.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rmcp::model::{ClientRequest, ServerResult};
use tokio::time::{Instant, timeout_at};

use super::{
    input_responder::InputResponder,
    pooled_client::PooledClient,
    send::{Failed, send},
    trace_context::{extract, inject},
};
use crate::{
    acquire::Lease,
    error::{CallError, CallFailure, InputError, Outcome},
    extend::{Answer, SessionInfo},
    key::{KeyPool, PooledSession},
    time::after,
    trace::{CallTrace, Target},
    types::Era,
};

/// One call of a client.
pub(super) struct Call<'c> {
    pub(super) client: &'c PooledClient,
    pub(super) method: &'c str,
    target: Target<'c>,
    pub(super) trace: CallTrace,
    /// What asking for a session at once came to, as the call began; `None` when that was used.
    ready: Option<Option<Lease>>,
    began: Instant,
    deadline: Instant,
    /// How long it waited for sessions.
    waited: Duration,
    /// The session it was sent on last.
    session: Option<SessionInfo>,
    tool_failed: bool,
    /// The era of the server, once something was sent.
    pub(super) era: Option<Era>,
    /// When the last attempt began.
    pub(super) attempt_began: Instant,
    /// How often it was repeated.
    pub(super) repetitions: u32,
    /// The last attempt that was repeated though it may have been executed.
    pub(super) unsettled: Option<Unsettled>,
}

/// An attempt that was repeated though it may have been executed, and its key.
pub(super) struct Unsettled {
    pub(super) failure: CallFailure,
    pub(super) key: Arc<KeyPool>,
}

impl PooledClient {
    /// Sends any request and returns the server's result, of whatever kind it is.
    ///
    /// # Errors
    /// - [`CallError::Acquire`]: no session could be had; nothing was sent.
    /// - [`CallError::NotExecuted`]: the server provably did nothing.
    /// - [`CallError::OutcomeUnknown`]: the request was sent and no answer came.
    /// - [`CallError::Rpc`]: the server answered with an error.
    /// - [`CallError::SessionLost`]: the session of this conversation is gone.
    ///
    /// # Cancel safety
    /// A dropped call sends the server a cancellation; whether the server executes it all the same
    /// is not known. The session is kept.
    pub async fn request(&self, request: ClientRequest) -> Result<ServerResult, CallError> {
        let method = request.method().to_owned();
        let mut call = Call::begin(self, &method, target(&request));
        let result = call.run(&request).await.map(|(result, _)| result);
        call.finish(&result);
        result
    }

    /// Sends any request and returns the server's answer with its [JSON](Answer::raw), for a gateway
    /// that passes on what it does not know: unknown fields, new content types. The answer of a
    /// session that rmcp serves has no JSON.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn request_raw(&self, request: ClientRequest) -> Result<Answer, CallError> {
        let method = request.method().to_owned();
        let mut call = Call::begin(self, &method, target(&request));
        let answer = call.answer(&request).await.map(|(answer, _)| answer);
        call.tool_failed = answer.as_ref().is_ok_and(Answer::is_tool_error);
        call.finish(&answer);
        answer
    }
}

impl<'c> Call<'c> {
    pub(super) fn begin(client: &'c PooledClient, method: &'c str, target: Target<'c>) -> Self {
        let began = Instant::now();
        let context = client.context();
        let ready = client.hit(None);
        let session = ready.as_ref().map(Lease::info);
        let (pool, key) = (&context.config.name, client.key());
        let trace = CallTrace::begin(pool, key, method, target, session);
        if let Some(propagator) = &context.propagator {
            extract(propagator.as_ref(), trace.span(), &client.context);
        }
        Self {
            client,
            method,
            trace,
            ready: Some(ready),
            began,
            waited: Duration::ZERO,
            session: None,
            tool_failed: false,
            era: None,
            deadline: after(began, client.timeout),
            attempt_began: began,
            repetitions: 0,
            unsettled: None,
            target,
        }
    }

    /// When the call's time is up.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What the call is about.
    pub(super) fn target(&self) -> Target<'_> {
        self.target
    }

    /// The server's result, and the responder for the input that it requests, if it does.
    pub(super) async fn run(
        &mut self,
        request: &ClientRequest,
    ) -> Result<(ServerResult, Option<InputResponder>), CallError> {
        let (answer, lease) = self.answer(request).await?;
        let result = self.typed(answer)?;
        let responder = match result {
            ServerResult::InputRequiredResult(_) => {
                let responder = InputResponder::of(&lease);
                timeout_at(self.deadline, responder)
                    .await
                    .map_err(|_| CallError::from(InputError::TimedOut))??
            }
            _ => None,
        };
        Ok((result, responder))
    }

    /// The server's answer, and the session that it came on.
    async fn answer(&mut self, request: &ClientRequest) -> Result<(Answer, Lease), CallError> {
        loop {
            let lease = self.lease().await?;
            match self.send_with_headers(&lease, request).await {
                Ok(answer) => return Ok((answer, lease)),
                Err(failed) => Box::pin(self.judge(lease, failed)).await?,
            }
        }
    }

    /// The result in its type.
    pub(super) fn typed(&mut self, answer: Answer) -> Result<ServerResult, CallError> {
        let reading = answer.read().map_err(CallError::Rpc)?;
        self.note_left_out(reading.left_out);
        let result = reading.result;
        if let ServerResult::CallToolResult(result) = &result {
            self.tool_failed = result.is_error == Some(true);
        }
        Ok(result)
    }

    /// A session for the next attempt.
    pub(super) async fn lease(&mut self) -> Result<Lease, CallError> {
        let client = self.client;
        match self.ready.take() {
            Some(Some(lease)) => return Ok(lease),
            Some(None) => {}
            None => {
                if let Some(lease) = client.hit(None) {
                    self.trace.note_session(lease.info());
                    return Ok(lease);
                }
            }
        }
        let deadline = client.acquire_deadline().no_later_than(self.deadline);
        let lease = self.trace.cover(client.acquire_slowly(deadline)).await;
        self.waited += deadline.waited();
        let lease = lease.map_err(|error| self.over_all(CallError::of_acquire(error)))?;
        self.attempt_began = Instant::now();
        self.trace.note_session(lease.info());
        Ok(lease)
    }

    /// Sends one request of the call on a session. The answer is no error.
    pub(super) async fn send(
        &mut self,
        lease: &Lease,
        mut request: ClientRequest,
    ) -> Result<Answer, Failed> {
        self.note_session(lease.info());
        self.era = Some(lease.info().era);
        let propagator = self.client.context().propagator.as_deref();
        let (call, own) = (self.trace.span(), &self.client.context);
        let propagated =
            propagator.and_then(|propagator| inject(propagator, call, &mut request, own));
        let context = propagated.as_ref().unwrap_or(own);
        if lease.key_pool().log_level.get().is_some() {
            // Seldom, and no part of every call's future.
            Box::pin(self.bring_log_level(lease, &mut request)).await;
        }
        if let Some(key) = &self.client.remaining_time {
            key.write(&mut request, self.deadline);
        }
        let proxy = Arc::clone(&lease.pooled().proxy);
        let context = context.on_session(proxy, self.trace.request_id());
        let answer = send(lease.pooled(), request, &context, self.deadline).await?;
        lease.key_pool().upstream.call_answered();
        note_answered(lease.pooled(), &answer);
        match answer.is_refusal() {
            true => answer.into_success().map_err(Failed::Refused),
            false => answer.into_success().map_err(Failed::Answered),
        }
    }

    /// What the call is about, for the memory of refused calls.
    pub(super) fn subject(&self) -> String {
        match self.target {
            Target::None => self.method.to_owned(),
            Target::Prompt(name) | Target::Tool(name) => format!("{} {name}", self.method),
        }
    }

    /// Remembers the session of the call, where an observer needs it.
    fn note_session(&mut self, info: &SessionInfo) {
        if self.client.context().events.is_observed() {
            self.session = Some(info.clone());
        }
    }

    /// Records and reports how the call ended.
    pub(super) fn finish<T>(self, result: &Result<T, CallError>) {
        match result {
            Ok(_) if self.tool_failed => self.trace.note_tool_error(),
            Ok(_) => {}
            Err(error) => self.trace.note_error(error),
        }
        self.client.context().events.emit(|observer, pool| {
            observer.call_finished(&crate::event::CallFinished {
                pool,
                key: self.client.key(),
                method: self.method,
                outcome: result
                    .as_ref()
                    .map_or_else(CallError::outcome, |_| Outcome::Answered),
                ok: result.is_ok(),
                error: result.as_ref().err(),
                tool_failed: self.tool_failed,
                session: self.session.as_ref(),
                took: self.began.elapsed(),
                waited: self.waited,
            });
        });
    }
}

/// What a request is about, besides its method.
pub(super) fn target(request: &ClientRequest) -> Target<'_> {
    match request {
        ClientRequest::CallToolRequest(request) => Target::Tool(&request.params.name),
        ClientRequest::GetPromptRequest(request) => Target::Prompt(&request.params.name),
        _ => Target::None,
    }
}

/// Ends the row of refused calls on a session.
fn note_answered(pooled: &PooledSession, answer: &Answer) {
    if pooled.strikes.load(Ordering::Relaxed) != 0 && answer.error().is_none() {
        pooled.strikes.store(0, Ordering::Relaxed);
    }
}
