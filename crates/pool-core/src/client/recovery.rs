//! What becomes of a failed attempt, and of the session that it failed on.

use std::sync::{Arc, atomic::Ordering};

use rmcp::model::{ClientRequest, DiscoverRequest, DiscoverRequestParams, PingRequest};
use tokio::time::Instant;

use super::{
    call::{Call, Unsettled},
    retry_policy::{Attempt, Step, next_step},
    send::{Failed, send},
};
use crate::{
    acquire::Lease,
    error::{CallError, CallFailure, Evidence, FaultKind, Outcome, SessionCondition},
    extend::CloseReason,
    time::after,
    types::Era,
    upstream::{Holder, Upstream, admitted},
};

/// What the server shows of a session when the pool checks it after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Alive,
    Gone,
    Nothing,
}

impl Call<'_> {
    /// Decides what becomes of a failed attempt, and of the session it failed on. `Ok` means that
    /// the call is to be repeated.
    pub(super) async fn judge(&mut self, lease: Lease, failed: Failed) -> Result<(), CallError> {
        let judged = self.judge_attempt(lease, failed).await;
        judged.map_err(|error| self.over_all(error))
    }

    /// The error of all attempts: where an earlier one may have been executed, no later one proves that
    /// the call was not.
    pub(super) fn over_all(&mut self, error: CallError) -> CallError {
        match (error.outcome(), self.unsettled.take()) {
            (Outcome::NotExecuted, Some(unsettled)) => {
                if matches!(error, CallError::SessionLost) {
                    // The next call gets to know of it instead.
                    unsettled.key.history.note_lost();
                }
                CallError::OutcomeUnknown(unsettled.failure)
            }
            _ => error,
        }
    }

    async fn judge_attempt(&mut self, lease: Lease, failed: Failed) -> Result<(), CallError> {
        let finding = match self.needs_check(&lease, &failed) {
            true => self.check_session(&lease).await,
            false => Finding::Nothing,
        };
        let failure = match (finding, failed.failure()) {
            (Finding::Gone, _) => CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone),
            (Finding::Alive, Some(failure)) => {
                disproved(failure).with_session(self.after_refusal(&lease))
            }
            (Finding::Nothing, Some(failure)) => failure,
            (finding, None) => {
                if matches!(failed, Failed::Refused(_)) {
                    self.after_answer(lease, finding);
                }
                return Err(failed.surfaced());
            }
        };
        let attempt = Attempt {
            failure: &failure,
            loses_state: lease.pooled().has_state_of_conversation(),
            is_harmless: failure.outcome() == Outcome::Unknown && self.is_harmless().await,
            repetitions: self.repetitions,
        };
        let step = self.within_budget(next_step(&attempt), &failure, &lease);
        if self.repetitions > 0 && failure.is_repeatable_elsewhere() {
            // A server that opens sessions and does not know them.
            self.note_contradiction(&lease);
        }
        let key = Arc::clone(lease.key_pool());
        self.dispose(lease, &failure, step);
        match step {
            Step::Repeat => {
                self.repetitions += 1;
                if failure.outcome() == Outcome::Unknown {
                    let failure = failure.clone();
                    let key = Arc::clone(&key);
                    self.unsettled = Some(Unsettled { failure, key });
                }
                self.endpoint_is_back(&key.upstream, &failure).await
            }
            Step::TellLoss => Err(CallError::SessionLost),
            Step::Surface => Err(CallError::of_failure(failure)),
        }
    }

    /// Whether executing the call twice does no harm.
    async fn is_harmless(&self) -> bool {
        is_read(self.method) || self.client.repeatable || self.is_hinted_repeatable().await
    }

    /// Waits for the endpoint before a call is repeated that did not reach it, as an acquire waits: a
    /// session without a state is not checked before its next use.
    ///
    /// # Errors
    /// The endpoint is not there for longer than callers wait.
    async fn endpoint_is_back(
        &self,
        upstream: &Arc<Upstream>,
        failure: &CallFailure,
    ) -> Result<(), CallError> {
        if failure.evidence() != Evidence::Absent {
            return Ok(());
        }
        upstream.doubt_settled(Some(self.deadline())).await;
        let context = self.client.context();
        let is_open = || !context.is_closed();
        let holder = Holder::of(self.client.key());
        match admitted(upstream, holder, self.deadline(), is_open).await {
            Ok(_) => Ok(()),
            Err(refusal) => Err(CallError::of_acquire(refusal.into())),
        }
    }

    /// Whether only a check of the session shows what a failure means: the server refused the call
    /// as servers refuse an unknown session, or it reported a lost session for this call before and
    /// knew the session all the same.
    fn needs_check(&self, lease: &Lease, failed: &Failed) -> bool {
        match failed {
            Failed::Refused(_) => true,
            Failed::Answered(_) | Failed::TimedOut => false,
            Failed::Broken(failure) => match failure.session() {
                SessionCondition::Refused => true,
                _ => failure.is_repeatable_elsewhere() && self.is_contradicted(lease),
            },
        }
    }

    /// Sends the cheapest request of the session's era, with the credentials of the caller.
    async fn check_session(&self, lease: &Lease) -> Finding {
        let client = self.client;
        let limit = client.context().config.health.health_check_timeout;
        let deadline = after(Instant::now(), limit).min(self.deadline());
        let request = check_request(lease.info().era);
        match send(lease.pooled(), request, &client.context, deadline).await {
            Ok(answer) if answer.is_refusal() => Finding::Gone,
            Ok(_) => {
                lease.key_pool().upstream.call_answered();
                Finding::Alive
            }
            Err(Failed::Broken(failure)) => match failure.session() {
                SessionCondition::Gone | SessionCondition::Refused => Finding::Gone,
                _ => Finding::Nothing,
            },
            Err(_) => Finding::Nothing,
        }
    }

    /// The condition of a session that the server knows, after a call that it refused as if it did
    /// not.
    ///
    /// The second such call in a row retires the session, unless the first call of a new session is
    /// refused too: then it is the call that the server does not like.
    fn after_refusal(&self, lease: &Lease) -> SessionCondition {
        let pooled = lease.pooled();
        if pooled.uses() <= 1 {
            self.note_contradiction(lease);
        }
        if pooled.has_state_of_conversation() || self.is_contradicted(lease) {
            return SessionCondition::Fine;
        }
        match pooled.strikes.fetch_add(1, Ordering::Relaxed) {
            0 => SessionCondition::Fine,
            _ => SessionCondition::Gone,
        }
    }

    /// Gives a session back after an answer that reports it as lost.
    fn after_answer(&self, lease: Lease, finding: Finding) {
        match finding {
            Finding::Alive if self.after_refusal(&lease) == SessionCondition::Gone => {
                lease.discard_broken(CloseReason::Broken);
            }
            Finding::Nothing => {
                lease.suspect();
            }
            Finding::Alive | Finding::Gone => {}
        }
    }

    /// Gives a session back after a failure, in the condition the failure left it in.
    fn dispose(&self, lease: Lease, failure: &CallFailure, step: Step) {
        if failure.evidence() == Evidence::Absent {
            let upstream = &lease.key_pool().upstream;
            upstream.call_unreachable(self.attempt_began, failure.kind());
        }
        match failure.session() {
            SessionCondition::Fine => {}
            SessionCondition::Suspect | SessionCondition::Refused => lease.suspect(),
            SessionCondition::Gone => {
                let key = Arc::clone(lease.key_pool());
                lease.discard_broken(match failure.kind() {
                    FaultKind::SessionGone => CloseReason::Lost,
                    _ => CloseReason::Broken,
                });
                if step == Step::TellLoss {
                    // This caller gets to know of it.
                    key.history.take_lost();
                }
            }
        }
    }

    /// The step, unless it is a repetition for which no time is left, or one after an unknown outcome
    /// that the endpoint's budget does not allow.
    fn within_budget(&self, step: Step, failure: &CallFailure, lease: &Lease) -> Step {
        let is_allowed = match (step, failure.outcome()) {
            (Step::Repeat, _) if Instant::now() >= self.deadline() => false,
            (Step::Repeat, Outcome::Unknown) => lease.key_pool().upstream.retries.spend(),
            _ => true,
        };
        match is_allowed {
            true => step,
            false => Step::Surface,
        }
    }

    fn is_contradicted(&self, lease: &Lease) -> bool {
        let known = &lease.key_pool().upstream.contradictions;
        known.holds(&self.subject(), Instant::now())
    }

    fn note_contradiction(&self, lease: &Lease) {
        let known = &lease.key_pool().upstream.contradictions;
        known.note(&self.subject(), Instant::now());
    }
}

/// The failure of a call on a session that the server knows after all: of a report that it does not,
/// nothing is left but the refusal.
fn disproved(failure: CallFailure) -> CallFailure {
    match failure.is_repeatable_elsewhere() {
        true => CallFailure::new(Outcome::Unknown, FaultKind::NotFound),
        false => failure,
    }
}

/// The cheapest request of an era that needs the session.
fn check_request(era: Era) -> ClientRequest {
    match era {
        Era::Stateless => {
            ClientRequest::DiscoverRequest(DiscoverRequest::new(DiscoverRequestParams {}))
        }
        Era::Legacy => ClientRequest::PingRequest(PingRequest::default()),
    }
}

/// Whether a method only reads or sets a value, so that executing it twice does no harm (revision
/// 2025-11-25, server features).
fn is_read(method: &str) -> bool {
    matches!(
        method,
        "completion/complete"
            | "logging/setLevel"
            | "ping"
            | "prompts/get"
            | "prompts/list"
            | "resources/directory/read"
            | "resources/list"
            | "resources/read"
            | "resources/subscribe"
            | "resources/templates/list"
            | "resources/unsubscribe"
            | "server/discover"
            | "skills/get"
            | "skills/list"
            | "tasks/get"
            | "tasks/list"
            | "tasks/result"
            | "tools/list"
    )
}
