//! Evidence of a failed handshake for the era of a server.

use mcp_pool_core::{
    error::{ConnectError, FaultKind, Outcome},
    extend::Era,
};
use mcp_pool_http::HttpFault;

/// What a failed handshake proves about the era of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EraEvidence {
    /// The server was not reached, is elsewhere, or rejected the credentials.
    NotReached,
    /// The failure has another cause: overload, a server error or a timeout.
    Inconclusive,
    /// The server does not understand the handshake, so it is of this era.
    OtherEra(Era),
}

impl EraEvidence {
    /// The evidence of a handshake in `era` that failed with `error`.
    ///
    /// `fault` is the first HTTP fault of the handshake.
    pub(crate) fn of(era: Era, error: &ConnectError, fault: Option<&HttpFault>) -> Self {
        let sent = fault.is_none_or(|fault| fault.failure().outcome() != Outcome::NotExecuted);
        match error.kind() {
            FaultKind::Credentials(_)
            | FaultKind::Forbidden(_)
            // The address is at fault, in either era.
            | FaultKind::Redirected(_)
            | FaultKind::Unauthorized(_)
            | FaultKind::Tls => Self::NotReached,
            FaultKind::Unreachable if !sent => Self::NotReached,
            FaultKind::RateLimited { .. }
            | FaultKind::Server { .. }
            | FaultKind::Timeout
            | FaultKind::Unreachable => Self::Inconclusive,
            _ => Self::OtherEra(match era {
                Era::Legacy => Era::Stateless,
                _ => Era::Legacy,
            }),
        }
    }

    /// The server's era, if it is proven.
    pub(crate) fn era(self) -> Option<Era> {
        match self {
            Self::OtherEra(era) => Some(era),
            Self::NotReached | Self::Inconclusive => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use mcp_pool_core::extend::protocol_violation;
    use mcp_pool_http::{Refusal, RefusalBody};

    use super::*;

    #[test]
    fn only_a_rejection_unknown_to_this_era_proves_the_other_era() {
        let evidence = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            let refusal = Refusal {
                status,
                headers: &http::HeaderMap::new(),
                body: RefusalBody::Other,
                in_session: false,
            };
            let fault = refusal.fault();
            EraEvidence::of(Era::Stateless, &fault.clone().into(), Some(&fault))
        };
        for (status, expected) in [
            (400, EraEvidence::OtherEra(Era::Legacy)),
            (401, EraEvidence::NotReached),
            (403, EraEvidence::NotReached),
            (404, EraEvidence::OtherEra(Era::Legacy)),
            (405, EraEvidence::OtherEra(Era::Legacy)),
            (422, EraEvidence::OtherEra(Era::Legacy)),
            (429, EraEvidence::Inconclusive),
            (500, EraEvidence::Inconclusive),
            (503, EraEvidence::Inconclusive),
            (504, EraEvidence::Inconclusive),
        ] {
            assert_eq!(evidence(status), expected, "{status}");
        }
        let timeout = ConnectError::new(FaultKind::Timeout);
        assert_eq!(
            EraEvidence::of(Era::Legacy, &timeout, None),
            EraEvidence::Inconclusive
        );
        let refused = protocol_violation("the answer is invalid");
        let other = EraEvidence::OtherEra(Era::Stateless);
        assert_eq!(EraEvidence::of(Era::Legacy, &refused, None), other);
    }

    #[test]
    fn a_failed_connect_and_a_broken_connection_are_different_evidence() {
        for (outcome, expected) in [
            (Outcome::NotExecuted, EraEvidence::NotReached),
            (Outcome::Unknown, EraEvidence::Inconclusive),
        ] {
            let fault = HttpFault::new(outcome, FaultKind::Unreachable, "gone");
            let evidence = EraEvidence::of(Era::Stateless, &fault.clone().into(), Some(&fault));
            assert_eq!(evidence, expected);
        }
    }
}
