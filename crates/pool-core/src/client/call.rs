//! One call: the sessions it is tried on, and what becomes of a failure.

use std::sync::Arc;

use rmcp::model::{ClientRequest, ServerResult};
use tokio::time::Instant;

use super::{
    PooledClient,
    send::{Failed, send},
};
use crate::{
    AcquireError, CallError, CallFailure, CloseReason, Era, FaultKind, Lease, Outcome, Scope,
    pool::Patience,
};

/// One call of a client.
pub(super) struct Call<'c> {
    client: &'c PooledClient,
    method: &'c str,
    began: Instant,
    deadline: Instant,
    /// Whether it was repeated already.
    repeated: bool,
}

/// What to do with a failure.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Repeat the call on a fresh session.
    Repeat,
    /// Tell the caller that the conversation's state is gone.
    TellLoss,
    /// Tell the caller what happened.
    Surface,
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
    /// A call that is dropped tells the server that nobody waits for its answer; whether it is
    /// executed all the same is not known. The session is kept.
    pub async fn request(&self, request: ClientRequest) -> Result<ServerResult, CallError> {
        let method = request.method().to_owned();
        let mut call = Call::begin(self, &method);
        let result = call.run(request).await;
        call.finish(&result);
        result
    }
}

impl<'c> Call<'c> {
    pub(super) fn begin(client: &'c PooledClient, method: &'c str) -> Self {
        let began = Instant::now();
        Self {
            client,
            method,
            began,
            deadline: crate::expiry::after(began, client.timeout),
            repeated: false,
        }
    }

    async fn run(&mut self, request: ClientRequest) -> Result<ServerResult, CallError> {
        loop {
            let lease = self.lease().await?;
            match self.send_with_headers(&lease, &request).await {
                Ok(result) => return Ok(result),
                Err(failed) => self.judge(lease, failed)?,
            }
        }
    }

    /// A session for the next attempt.
    pub(super) async fn lease(&self) -> Result<Lease, CallError> {
        let client = self.client;
        if let Some(lease) = client.shared.hit(&client.resolved, &client.request) {
            return Ok(lease);
        }
        let patience = client.shared.patience(&client.request);
        let patience = Patience {
            deadline: patience.deadline.min(self.deadline),
            ..patience
        };
        let lease = Box::pin(client.acquire_slowly(patience)).await;
        lease.map_err(|error: AcquireError| CallError::Acquire(Arc::new(error)))
    }

    /// Sends one request of the call on a session.
    pub(super) async fn send(
        &self,
        lease: &Lease,
        request: ClientRequest,
    ) -> Result<ServerResult, Failed> {
        let result = send(
            lease.session(),
            request,
            &self.client.context,
            self.deadline,
        )
        .await;
        if matches!(result, Ok(_) | Err(Failed::Answered(_))) {
            lease.bucket().upstream.breaker.call_answered();
        }
        result
    }

    /// Decides what becomes of a failed attempt, and of the session it failed on. `Ok` means that
    /// the call is to be repeated.
    pub(super) fn judge(&mut self, lease: Lease, failed: Failed) -> Result<(), CallError> {
        let Some(failure) = failed.failure() else {
            return match failed {
                Failed::Answered(error) => Err(CallError::Rpc(error)),
                Failed::TimedOut | Failed::Broken(_) => Err(CallError::UnexpectedResult),
            };
        };
        let is_conversation = matches!(lease.key().scope(), Scope::Conversation(_));
        let loses_state = is_conversation && lease.info().era == Era::Legacy;
        let step = next_step(&failure, loses_state, self.repeated);
        dispose(lease, &failure);
        match step {
            Step::Repeat => {
                self.repeated = true;
                Ok(())
            }
            Step::TellLoss => Err(CallError::SessionLost),
            Step::Surface => Err(surfaced(failure)),
        }
    }

    /// Tells the observer how the call ended.
    pub(super) fn finish<T>(self, result: &Result<T, CallError>) {
        self.client.shared.hub.observe(|observer, pool| {
            observer.call_finished(&crate::CallFinished {
                pool,
                key: self.client.key(),
                method: self.method,
                outcome: result
                    .as_ref()
                    .map_or_else(CallError::outcome, |_| Outcome::Answered),
                ok: result.is_ok(),
                took: self.began.elapsed(),
            });
        });
    }
}

/// Repeating is right only where the server provably did nothing since it does not know the
/// session, once, and only where no state is lost with the session.
fn next_step(failure: &CallFailure, loses_state: bool, repeated: bool) -> Step {
    match failure.is_repeatable_elsewhere() {
        true if loses_state => Step::TellLoss,
        true if !repeated => Step::Repeat,
        _ => Step::Surface,
    }
}

/// Gives a session back after a failure, in the condition the failure left it in.
fn dispose(lease: Lease, failure: &CallFailure) {
    if matches!(failure.kind(), FaultKind::Unreachable | FaultKind::Tls) {
        let bucket = Arc::clone(lease.bucket());
        bucket.hub.note_unreachable(&bucket);
    }
    if failure.is_session_usable() {
        if *failure.kind() == FaultKind::Timeout {
            lease.suspect();
        }
        return drop(lease);
    }
    let reason = match failure.kind() {
        FaultKind::SessionGone => CloseReason::Lost,
        _ => CloseReason::Broken,
    };
    lease.discard_broken(reason);
}

fn surfaced(failure: CallFailure) -> CallError {
    match failure.outcome() {
        Outcome::NotExecuted => CallError::NotExecuted(failure),
        Outcome::Unknown => CallError::OutcomeUnknown(failure),
        Outcome::Answered => CallError::UnexpectedResult,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_provably_not_executed_is_repeated_and_only_once() {
        let gone = CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone);
        assert_eq!(next_step(&gone, false, false), Step::Repeat);
        assert_eq!(next_step(&gone, false, true), Step::Surface);
        for failure in [
            CallFailure::new(Outcome::Unknown, FaultKind::SessionGone),
            CallFailure::new(Outcome::Unknown, FaultKind::Timeout),
            CallFailure::new(Outcome::NotExecuted, FaultKind::Unreachable),
            CallFailure::new(Outcome::Answered, FaultKind::SessionGone),
        ] {
            assert_eq!(
                next_step(&failure, false, false),
                Step::Surface,
                "{failure:?}"
            );
        }
    }

    #[test]
    fn a_conversation_is_told_of_its_loss_instead_of_losing_it_silently() {
        let gone = CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone);
        assert_eq!(next_step(&gone, true, false), Step::TellLoss);
    }
}
