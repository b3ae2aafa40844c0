//! Whether an idle session is still alive: a chain of cheap questions.

use std::{fmt, time::Duration};

use rmcp::{
    RoleClient,
    model::{
        ClientRequest, ErrorCode, ListPromptsRequest, ListResourcesRequest, ListToolsRequest,
        PingRequest,
    },
    service::{Peer, ServiceError},
};

use crate::error::CheckError;

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

    /// Runs the chain: method-not-found and timeout go on to the next probe, any other error fails.
    ///
    /// # Errors
    /// - [`CheckError::Closed`]: the transport is closed; no probe was sent.
    /// - [`CheckError::Exhausted`]: the chain ended without an answer.
    /// - [`CheckError::Failed`]: a probe failed for another reason than the two above.
    ///
    /// # Cancel safety
    /// Safe: a probe under way is abandoned, the session is as good as before.
    pub async fn run(&self, peer: &Peer<RoleClient>) -> Result<(), CheckError> {
        if peer.is_transport_closed() {
            return Err(CheckError::Closed);
        }
        for probe in &self.chain {
            let Some(request) = probe.request() else {
                return Ok(());
            };
            let answer = tokio::time::timeout(self.timeout, peer.send_request(request)).await;
            match Verdict::of(answer.map(|answer| answer.map(drop))) {
                Verdict::Alive => return Ok(()),
                Verdict::Next => {}
                Verdict::Dead => return Err(CheckError::Failed(probe.as_str())),
            }
        }
        Err(CheckError::Exhausted)
    }
}

/// What one answer shows.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Alive,
    Next,
    Dead,
}

impl Verdict {
    fn of(answer: Result<Result<(), ServiceError>, impl fmt::Debug>) -> Self {
        match answer {
            Ok(Ok(())) => Self::Alive,
            Ok(Err(ServiceError::McpError(error))) if error.code == ErrorCode::METHOD_NOT_FOUND => {
                Self::Next
            }
            Ok(Err(ServiceError::Timeout { .. })) | Err(_) => Self::Next,
            Ok(Err(_)) => Self::Dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::ErrorData;

    use super::*;

    #[test]
    fn only_method_not_found_and_timeout_go_on_to_the_next_probe() {
        let error = |code| Ok(Err(ServiceError::McpError(ErrorData::new(code, "", None))));
        let verdict = |answer: Result<Result<(), ServiceError>, ()>| Verdict::of(answer);
        assert_eq!(verdict(Ok(Ok(()))), Verdict::Alive);
        assert_eq!(verdict(Err(())), Verdict::Next);
        assert_eq!(verdict(error(ErrorCode::METHOD_NOT_FOUND)), Verdict::Next);
        assert_eq!(verdict(error(ErrorCode::INTERNAL_ERROR)), Verdict::Dead);
        assert_eq!(
            verdict(Ok(Err(ServiceError::TransportClosed))),
            Verdict::Dead
        );
    }
}
