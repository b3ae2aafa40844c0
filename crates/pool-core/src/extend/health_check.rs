//! Whether an idle session is still alive: a chain of cheap questions.

use std::{fmt, time::Duration};

use rmcp::model::{
    ClientRequest, ErrorCode, ListPromptsRequest, ListResourcesRequest, ListToolsRequest,
    PingRequest,
};
use tokio::time::timeout;

use super::session::Session;
use crate::{
    error::{CallFailure, CheckError, Evidence, FaultKind, Outcome},
    wire::Answer,
};

/// One probe of a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Probe {
    /// `prompts/list`.
    ListPrompts,
    /// `resources/list`.
    ListResources,
    /// `tools/list`.
    ListTools,
    /// `ping`, which every revision before 2026-07-28 has.
    Ping,
    /// Send nothing and take the session for alive.
    Skip,
}

impl Probe {
    /// The method's name for logs, or `skip`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ListPrompts => "prompts/list",
            Self::ListResources => "resources/list",
            Self::ListTools => "tools/list",
            Self::Ping => "ping",
            Self::Skip => "skip",
        }
    }

    fn request(self) -> Option<ClientRequest> {
        Some(match self {
            Self::ListPrompts => ClientRequest::ListPromptsRequest(ListPromptsRequest::default()),
            Self::ListResources => {
                ClientRequest::ListResourcesRequest(ListResourcesRequest::default())
            }
            Self::ListTools => ClientRequest::ListToolsRequest(ListToolsRequest::default()),
            Self::Ping => ClientRequest::PingRequest(PingRequest::default()),
            Self::Skip => return None,
        })
    }
}

/// The questions of a health check, and how long each may take.
#[derive(Clone, Debug)]
pub struct ProbePlan {
    chain: Vec<Probe>,
    timeout: Duration,
}

impl ProbePlan {
    /// A plan that sends these probes in order, each for at most `timeout`.
    #[must_use]
    pub fn new(chain: impl IntoIterator<Item = Probe>, timeout: Duration) -> Self {
        Self {
            chain: chain.into_iter().collect(),
            timeout,
        }
    }

    /// The probes in order.
    #[must_use]
    pub fn chain(&self) -> &[Probe] {
        &self.chain
    }

    /// How long each probe may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The plan for a session that a call has shown to be doubtful: without [`Probe::Skip`], as only an
    /// answer dispels the doubt. The plan itself where it sends nothing else.
    #[must_use]
    pub fn strict(&self) -> Self {
        let chain = self.chain.iter().copied();
        let strict = Self::new(chain.filter(|probe| *probe != Probe::Skip), self.timeout);
        match strict.chain.is_empty() {
            true => self.clone(),
            false => strict,
        }
    }

    /// Runs the chain: method-not-found and timeout go on to the next probe, any other error fails. At
    /// the end of the chain a session is alive whose server answered anything, method-not-found included.
    ///
    /// # Errors
    /// - [`CheckError::Closed`]: the transport is closed; no probe was sent.
    /// - [`CheckError::Exhausted`]: the chain ended, and no probe was answered in time.
    /// - [`CheckError::Failed`]: the server refused a probe, or answered it with an error.
    /// - [`CheckError::Unreached`]: the server was not reached, or its answer was lost.
    ///
    /// # Cancel safety
    /// Safe: a probe under way is abandoned, the session is as good as before.
    pub async fn run(&self, session: &Session) -> Result<(), CheckError> {
        if session.is_over() {
            return Err(CheckError::Closed);
        }
        let mut was_answered = false;
        for probe in &self.chain {
            let Some(request) = probe.request() else {
                return Ok(());
            };
            let answer = timeout(self.timeout, answer_to(session, &request)).await;
            match Verdict::of(answer) {
                Verdict::Alive => return Ok(()),
                Verdict::Unknown => was_answered = true,
                Verdict::Late => {}
                Verdict::Dead => return Err(CheckError::Failed(probe.as_str())),
                Verdict::Unreached(evidence) => {
                    let probe = probe.as_str();
                    return Err(CheckError::Unreached { probe, evidence });
                }
            }
        }
        match was_answered {
            true => Ok(()),
            false => Err(CheckError::Exhausted),
        }
    }
}

/// The answer of a server to a probe, which is sent again where its connection died: a server may close
/// a connection at any time, and its sessions outlive that.
async fn answer_to(session: &Session, request: &ClientRequest) -> Result<Answer, CallFailure> {
    for _ in 0..REPETITIONS {
        let answer = session.driver().call(request.clone(), None).await;
        let is_dead = |failure: &CallFailure| {
            let is_unknown = failure.outcome() == Outcome::Unknown;
            is_unknown && *failure.kind() == FaultKind::Unreachable
        };
        match answer {
            Err(failure) if is_dead(&failure) && !session.is_over() => {}
            answer => return answer,
        }
    }
    session.driver().call(request.clone(), None).await
}

/// How often a probe is repeated whose connection died.
const REPETITIONS: u32 = 2;

/// What one answer shows.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Alive,
    /// The server does not know the method.
    Unknown,
    Dead,
    Late,
    Unreached(Evidence),
}

impl Verdict {
    fn of(answer: Result<Result<Answer, CallFailure>, impl fmt::Debug>) -> Self {
        match answer {
            Ok(Ok(answer)) => match answer.error() {
                None => Self::Alive,
                Some(error) if error.code == ErrorCode::METHOD_NOT_FOUND => Self::Unknown,
                Some(_) => Self::Dead,
            },
            Ok(Err(failure)) if *failure.kind() == FaultKind::Timeout => Self::Late,
            Ok(Err(failure)) => match (failure.kind(), failure.evidence()) {
                (_, evidence @ Evidence::Absent) => Self::Unreached(evidence),
                (FaultKind::Unreachable, evidence) => Self::Unreached(evidence),
                _ => Self::Dead,
            },
            Err(_) => Self::Late,
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::{
        ErrorData,
        model::{EmptyResult, ServerResult},
    };

    use super::*;

    #[test]
    fn a_strict_plan_demands_an_answer_where_anything_is_sent() {
        let plan = |chain: &[Probe]| ProbePlan::new(chain.to_vec(), Duration::ZERO).strict();
        assert_eq!(plan(&[Probe::Ping, Probe::Skip]).chain(), [Probe::Ping]);
        assert_eq!(plan(&[Probe::Skip]).chain(), [Probe::Skip]);
    }

    #[test]
    fn only_method_not_found_and_timeout_go_on_to_the_next_probe() {
        let error = |code| Ok(Ok(Answer::from_error(ErrorData::new(code, "", None))));
        let verdict = |answer: Result<Result<Answer, CallFailure>, ()>| Verdict::of(answer);
        let pong = ServerResult::EmptyResult(EmptyResult {});
        assert_eq!(verdict(Ok(Ok(Answer::from_result(pong)))), Verdict::Alive);
        assert_eq!(verdict(Err(())), Verdict::Late);
        let not_found = verdict(error(ErrorCode::METHOD_NOT_FOUND));
        assert_eq!(not_found, Verdict::Unknown);
        assert_eq!(verdict(error(ErrorCode::INTERNAL_ERROR)), Verdict::Dead);
        let failure = |kind| Ok(Err(CallFailure::new(Outcome::Unknown, kind)));
        assert_eq!(verdict(failure(FaultKind::Timeout)), Verdict::Late);
        assert_eq!(verdict(failure(FaultKind::Protocol)), Verdict::Dead);
        assert_eq!(verdict(failure(FaultKind::SessionGone)), Verdict::Dead);
        let absent = Verdict::Unreached(Evidence::Absent);
        assert_eq!(verdict(failure(FaultKind::Unreachable)), absent);
    }
}
