//! Why a session could not be opened.

use std::{error::Error, fmt, time::Duration};

use super::{
    evidence::Evidence,
    fault::{FaultKind, Retry},
};

/// Why a session could not be opened.
///
/// Made by a [`Connector`](crate::extend::Connector), which sees to it that no source prints a secret: no
/// header value, no query of a URL, no body.
#[derive(Debug)]
pub struct ConnectError {
    kind: FaultKind,
    retry: Retry,
    evidence: Evidence,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ConnectError {
    /// An error of this kind, with the retry advice of the kind.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            retry: kind.retry(),
            evidence: kind.evidence(),
            kind,
            source: None,
        }
    }

    /// Adds the cause. It must not print any secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets the retry advice, where the connector knows better than the kind.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets what the failure shows of the endpoint, where the connector knows better than the kind
    /// ([`FaultKind::evidence`]): of a server that answered and then failed, [`Evidence::Here`].
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// What the failure shows of the endpoint.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// A short word for labels and logs: that of the kind.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.kind.label()
    }

    /// When it may make sense to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// How long no further session is requested, where this may be the answer to one session too many.
    pub(crate) fn wait_for_further_session(&self) -> Option<Duration> {
        let is_refusal = matches!(
            self.kind,
            FaultKind::Protocol | FaultKind::RateLimited { .. } | FaultKind::Server { .. }
        );
        let requested = match self.retry {
            Retry::Later(wait) => wait.unwrap_or(WITHOUT_FURTHER_SESSION),
            Retry::Never | Retry::WithOtherCredentials => WITHOUT_FURTHER_SESSION,
        };
        is_refusal.then(|| requested.clamp(MIN_WITHOUT_FURTHER, MAX_WITHOUT_FURTHER))
    }
}

/// A limit of sessions changes with the load of a server or with its configuration.
const WITHOUT_FURTHER_SESSION: Duration = Duration::from_secs(30);

const MIN_WITHOUT_FURTHER: Duration = Duration::from_secs(1);

const MAX_WITHOUT_FURTHER: Duration = Duration::from_secs(300);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connect: {}", self.kind)
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
