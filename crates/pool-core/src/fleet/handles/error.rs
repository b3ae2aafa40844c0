//! Why a session was not sealed into a handle, or a handle not resumed.

use std::sync::Arc;

use crate::error::AcquireError;

/// Why a session was not sealed into a handle, or a handle not resumed. No part of a handle is shown.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The caller has no session or no key. The pool's error.
    #[error("session handle: {0}")]
    Acquire(#[source] Arc<AcquireError>),
    /// The session of the handle has ended: a fresh one is opened without the handle.
    #[error("session handle: its session has ended")]
    Ended,
    /// The handle has expired.
    #[error("session handle: expired")]
    Expired,
    /// The handle is of another caller, conversation or endpoint, or was changed.
    #[error("session handle: of another key, or changed")]
    Forged,
    /// The pool's fleet has no handles.
    #[error("session handle: the pool has no fleet of handles")]
    NoHandles,
    /// The request is not one of a conversation, whose session alone may be shared.
    #[error("session handle: not of a conversation")]
    NotAConversation,
    /// The session cannot leave its process.
    #[error("session handle: the session cannot leave its process")]
    NotSealable,
    /// The handle was revoked in this process.
    #[error("session handle: revoked")]
    Revoked,
    /// The handle was sealed under key material that is not known any more.
    #[error("session handle: sealed under unknown key material")]
    UnknownKey,
}

impl HandleError {
    /// A short word for labels and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Acquire(error) => error.label(),
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Forged => "forged",
            Self::NoHandles => "no_handles",
            Self::NotAConversation => "not_a_conversation",
            Self::NotSealable => "not_sealable",
            Self::Revoked => "revoked",
            Self::UnknownKey => "unknown_key",
        }
    }

    /// True for a handle that its caller may drop: a session without it is a fresh one.
    #[must_use]
    pub fn is_of_handle(&self) -> bool {
        matches!(
            self,
            Self::Ended | Self::Expired | Self::Forged | Self::Revoked | Self::UnknownKey
        )
    }
}
