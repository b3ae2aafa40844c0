//! Why no session could be had.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    connect::ConnectError, credential::CredentialError, extract::ExtractError, fault::Retry,
    refusal::Challenge,
};
use crate::{
    time::Deadline,
    types::{QuotaKind, TransportKind},
};

/// Why no session could be had.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The endpoint's circuit is open after repeated failures to reach it, for longer than callers
    /// wait ([`circuit_breaker_patience`](crate::config::BreakerConfig::circuit_breaker_patience)). The
    /// upstream's fault.
    #[error("circuit open for another {retry_after:?}")]
    CircuitOpen {
        /// The time until the next probe of the endpoint.
        retry_after: Duration,
    },
    /// The pool is closed, or closing.
    #[error("the pool is closed")]
    Closed,
    /// A session could not be opened. The kind of the source names the party at fault.
    #[error("no session could be opened")]
    Connect(#[source] Arc<ConnectError>),
    /// The caller's credential has expired, and no request of the same identity has brought a newer
    /// one. The caller's fault: repeat the request with a new credential.
    #[error("the caller's credential has expired")]
    CredentialExpired,
    /// An extractor refused the caller's credential, and the pool is set to refuse in turn.
    #[error("the caller's identity could not be told")]
    Identity(#[source] Arc<ExtractError>),
    /// No connector is registered for the endpoint's transport; for `auto`, none that can detect
    /// its transport. The configuration's fault.
    #[error("no connector for transport `{0}`")]
    NoConnector(TransportKind),
    /// [`Scope::Shared`](crate::Scope::Shared) was requested with handlers that declare a
    /// capability which only a single caller can serve. The caller's fault: give the request
    /// [handlers of its own](crate::AcquireRequest::with_handlers) that declare none.
    #[error("scope: `shared` has no caller who can serve `{0}`, which the handlers declare")]
    NoCaller(&'static str),
    /// [`Scope::Shared`](crate::Scope::Shared) was requested for an endpoint that was not declared
    /// stateless and public. The caller's fault.
    #[error("scope: `shared` needs an endpoint declared stateless and public")]
    NotShareable,
    /// So many callers wait already that this one may not, or could not be served before its deadline
    /// ([`max_waiters_per_key`](crate::config::LimitsConfig::max_waiters_per_key) and its neighbours,
    /// [`shed_delay_target`](crate::config::LimitsConfig::shed_delay_target)). The load's fault.
    #[error("too many callers wait; a place is likely to be free in {retry_after:?}")]
    Overloaded {
        /// The time that the queue needs for those who wait in it, by its pace: 10 ms to 60 s.
        retry_after: Duration,
    },
    /// The deadline passed while the caller waited for a quota: its principal, its tenant or the endpoint
    /// has as many sessions or calls in flight as it may. Callers of others were served meanwhile. The
    /// load's fault.
    #[error("timed out after {waited:?} at the quota of {quota}")]
    Quota {
        /// The quota.
        quota: QuotaKind,
        /// How long the acquire had waited in all.
        waited: Duration,
    },
    /// The session of this conversation is gone, and with it the state that the server kept for it.
    /// The next acquire opens a new session. The upstream's fault.
    #[error("the conversation's session is gone")]
    SessionLost,
    /// The connector of the endpoint's transport does not claim the scheme of its URL
    /// ([`Connector::schemes`](crate::extend::Connector::schemes)); for `auto`, no connector does. The
    /// caller's fault.
    #[error("endpoint url: {} scheme `{scheme}`", Refusal(.transport))]
    UnsupportedScheme {
        /// The scheme of the URL.
        scheme: Box<str>,
        /// The transport of the endpoint; `None` where it is detected. In a box, since every acquire
        /// returns a value with the size of the largest variant.
        transport: Option<Box<TransportKind>>,
    },
    /// The deadline passed. `stage` names what the acquire was waiting for.
    #[error("timed out after {waited:?} {stage}")]
    Timeout {
        /// What the acquire was waiting for when the deadline passed.
        stage: Stage,
        /// How long the acquire had waited in all.
        waited: Duration,
        /// The last thing that went wrong meanwhile, if anything did.
        #[source]
        last_cause: Option<Arc<ConnectError>>,
    },
}

impl AcquireError {
    /// A timeout at this stage, after this time, without a known cause.
    pub(crate) fn timeout(stage: Stage, waited: Duration) -> Self {
        Self::Timeout {
            stage,
            waited,
            last_cause: None,
        }
    }

    /// When it may make sense to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::CircuitOpen { retry_after } | Self::Overloaded { retry_after } => {
                Retry::Later(Some(*retry_after))
            }
            Self::Connect(error) => error.retry(),
            Self::CredentialExpired | Self::Identity(_) => Retry::WithOtherCredentials,
            Self::Quota { .. } | Self::SessionLost | Self::Timeout { .. } => Retry::Later(None),
            Self::Closed
            | Self::NoCaller(_)
            | Self::NoConnector(_)
            | Self::NotShareable
            | Self::UnsupportedScheme { .. } => Retry::Never,
        }
    }

    /// What the upstream demands of a credential, when it refused the one a session was to be
    /// opened with.
    #[must_use]
    pub fn challenge(&self) -> Option<&Challenge> {
        match self {
            Self::Connect(error) => error.kind().challenge(),
            _ => None,
        }
    }

    /// Why the credential source had no headers for the session, where it had none.
    #[must_use]
    pub fn credential_error(&self) -> Option<&CredentialError> {
        match self {
            Self::Connect(error) => error.kind().credential_error(),
            _ => None,
        }
    }

    /// A short word for labels and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Closed => "closed",
            Self::Connect(error) => error.kind().label(),
            Self::CredentialExpired => "credential_expired",
            Self::Identity(_) => "identity",
            Self::NoConnector(_) => "no_connector",
            Self::NoCaller(_) => "no_caller",
            Self::NotShareable => "not_shareable",
            Self::Overloaded { .. } => "overloaded",
            Self::Quota { quota, .. } => quota.as_error(),
            Self::SessionLost => "session_lost",
            Self::Timeout { stage, .. } => stage.as_timeout(),
            Self::UnsupportedScheme { .. } => "unsupported_scheme",
        }
    }
}

/// Begins the text of an unsupported scheme.
struct Refusal<'e>(&'e Option<Box<TransportKind>>);

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(transport) => write!(f, "transport `{transport}` does not support"),
            None => f.write_str("no transport supports"),
        }
    }
}

/// Runs one stage of an acquire within its deadline. No other function enforces the deadline of an
/// acquire, except for the queue: its waiters are expired by the sweep of their key.
///
/// # Errors
/// [`AcquireError::Timeout`] with this stage.
pub(crate) async fn within<F: Future>(
    deadline: Deadline,
    stage: Stage,
    work: F,
) -> Result<F::Output, AcquireError> {
    let output = deadline.bound(work).await;
    output.ok_or_else(|| AcquireError::timeout(stage, deadline.waited()))
}

/// What an acquire may be waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Capacity under `max_total_sessions` or `max_total_keys`.
    Capacity,
    /// For an idle session to prove that it is alive.
    Check,
    /// For the endpoint to be there again, or for a wait that it requested to end.
    Circuit,
    /// For a new session to be opened.
    Connect,
    /// For an answer to which transport the address speaks.
    Detect,
    /// The identity of the caller, from an extractor.
    Identity,
    /// A session of this key (`max_sessions_per_key` is reached).
    Queue,
}

impl Stage {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Check => "check",
            Self::Circuit => "circuit",
            Self::Connect => "connect",
            Self::Detect => "detect",
            Self::Identity => "identity",
            Self::Queue => "queue",
        }
    }

    fn as_timeout(self) -> &'static str {
        match self {
            Self::Capacity => "timeout_capacity",
            Self::Check => "timeout_check",
            Self::Circuit => "timeout_circuit",
            Self::Connect => "timeout_connect",
            Self::Detect => "timeout_detect",
            Self::Identity => "timeout_identity",
            Self::Queue => "timeout_queue",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capacity => "waiting for capacity under the pool's limits",
            Self::Check => "checking a session",
            Self::Circuit => "waiting for the endpoint to be there again",
            Self::Connect => "opening a session",
            Self::Detect => "detecting the transport",
            Self::Identity => "identifying the caller",
            Self::Queue => "waiting for a session of this key",
        })
    }
}
