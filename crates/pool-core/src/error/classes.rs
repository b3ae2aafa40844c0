//! Questions that users put to every error of the pool, with one answer for all types.

use super::{
    acquire::AcquireError,
    call::{CallError, SubscriptionError},
    connect::ConnectError,
    fault::{FaultKind, Retry},
};

impl AcquireError {
    /// True when the pool is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// True when a deadline passed: that of the acquire, or that of its connect.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Quota { .. } | Self::Timeout { .. } => true,
            Self::Connect(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// True when other credentials may help: the upstream refused them, they have expired, their
    /// source failed, or they could not be verified.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        self.retry() == Retry::WithOtherCredentials
    }

    /// True when the upstream is not there: unreachable, failing, or behind an open circuit.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::CircuitOpen { .. } => true,
            Self::Connect(error) => error.is_unavailable(),
            _ => false,
        }
    }
}

impl ConnectError {
    /// True when the connect took too long.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        *self.kind() == FaultKind::Timeout
    }

    /// True when other credentials may help.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        self.kind().is_about_credentials()
    }

    /// True when the upstream is not there: unreachable, or failing.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        is_unavailable(self.kind())
    }
}

impl CallError {
    /// When another attempt may succeed. It is advice about the cause, not about the effect: whether
    /// the call may have been executed is [`outcome`](Self::outcome).
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Acquire(error) => error.retry(),
            Self::NotExecuted(failure) | Self::OutcomeUnknown(failure) => failure.kind().retry(),
            // The next call of the conversation opens a new session.
            Self::SessionLost => Retry::Later(None),
            Self::Subscription(SubscriptionError::Ended | SubscriptionError::TooMany(_)) => {
                Retry::Later(None)
            }
            Self::Arguments(_)
            | Self::Input(_)
            | Self::ListTooLong(_)
            | Self::NotInRevision(_)
            | Self::Rpc(_)
            | Self::Subscription(SubscriptionError::NotAccepted)
            | Self::ToolFailed(_)
            | Self::UnexpectedResult => Retry::Never,
        }
    }

    /// True when a deadline passed: that of the call, of its acquire or of its connect.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Acquire(error) => error.is_timeout(),
            _ => self.kind_is(|kind| *kind == FaultKind::Timeout),
        }
    }

    /// True when other credentials may help.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        match self {
            Self::Acquire(error) => error.is_about_credentials(),
            _ => self.kind_is(FaultKind::is_about_credentials),
        }
    }

    /// True when the upstream is not there: unreachable, failing, or behind an open circuit.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Acquire(error) => error.is_unavailable(),
            _ => self.kind_is(is_unavailable),
        }
    }

    fn kind_is(&self, is: impl Fn(&FaultKind) -> bool) -> bool {
        self.failure().is_some_and(|failure| is(failure.kind()))
    }
}

fn is_unavailable(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::Server { .. } | FaultKind::Unreachable)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        error::{CallFailure, Challenge, Outcome, Stage},
        types::QuotaKind,
    };

    fn through_acquire(error: AcquireError) -> [bool; 3] {
        let call = CallError::Acquire(Arc::new(error.clone()));
        let of_call = [
            call.is_timeout(),
            call.is_about_credentials(),
            call.is_unavailable(),
        ];
        let of_acquire = [
            error.is_timeout(),
            error.is_about_credentials(),
            error.is_unavailable(),
        ];
        assert_eq!(of_call, of_acquire, "{error:?}");
        assert_eq!(call.retry(), error.retry());
        of_call
    }

    #[test]
    fn an_error_answers_alike_at_every_level() {
        let connect = |kind| AcquireError::Connect(Arc::new(ConnectError::new(kind)));
        let unauthorized = || FaultKind::Unauthorized(Challenge::default());
        let server = FaultKind::Server {
            status: 503,
            retry_after: None,
        };
        let retry_after = Duration::from_secs(1);
        for (error, expected) in [
            (connect(FaultKind::Timeout), [true, false, false]),
            (connect(unauthorized()), [false, true, false]),
            (connect(FaultKind::Unreachable), [false, false, true]),
            (connect(server), [false, false, true]),
            (connect(FaultKind::Protocol), [false, false, false]),
            (AcquireError::CredentialExpired, [false, true, false]),
            (
                AcquireError::CircuitOpen { retry_after },
                [false, false, true],
            ),
            (
                AcquireError::timeout(Stage::Queue, retry_after),
                [true, false, false],
            ),
            (
                AcquireError::Quota {
                    quota: QuotaKind::CallsPerTenant,
                    waited: retry_after,
                },
                [true, false, false],
            ),
        ] {
            assert_eq!(through_acquire(error), expected);
        }
        for kind in [FaultKind::Timeout, unauthorized(), FaultKind::Unreachable] {
            let expected = through_acquire(connect(kind.clone()));
            let call = CallError::OutcomeUnknown(CallFailure::new(Outcome::Unknown, kind));
            let answers = [
                call.is_timeout(),
                call.is_about_credentials(),
                call.is_unavailable(),
            ];
            assert_eq!(answers, expected);
        }
    }
}
