//! The dimensions of the matrix besides faults and transports.

use mcp_pool_testkit::Fault;

/// Which requests the fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The calls, on sessions that are open.
    Call,
    /// The requests that open sessions.
    Opening,
}

/// Who shares a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScopeKind {
    Identity,
    Conversation,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It calls a tool that changes state.
    Change,
    /// It only reads.
    Read,
}

/// True where a fault needs a server over TLS.
pub(super) fn is_of_certificate(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::RenewedCertificate | Fault::UntrustedCertificate(_) | Fault::ExpiredCertificate(_)
    )
}
