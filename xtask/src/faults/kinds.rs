//! The dimensions of the matrix besides faults and transports.

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
