//! Why a session was closed.

/// Why a session was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CloseReason {
    /// A call on it failed in a way that a session does not survive.
    Broken,
    /// It did not pass a health check.
    CheckFailed,
    /// The credential it was used with ended, and no newer one of the same identity had come.
    CredentialExpired,
    /// The pool was closed and the deadline for its users had passed.
    Cut,
    /// Its user discarded it.
    Discarded,
    /// The pool was drained.
    Drained,
    /// Its conversation, gateway entry or principal was evicted.
    Evicted,
    /// It reached the end of its life.
    Expired,
    /// Its key was not used for long.
    Idle,
    /// Its transport reported its end.
    Lost,
    /// Pooling is off.
    NotPooled,
    /// A limit was lowered below the number of sessions.
    Resized,
    /// Its principal or identity was revoked.
    Revoked,
    /// Its permit was needed for another key.
    Room,
    /// The pool was closed.
    Shutdown,
    /// It came too late: its key had begun a new generation, or was removed, while it was opened.
    Superseded,
}

impl CloseReason {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::CheckFailed => "check_failed",
            Self::CredentialExpired => "credential_expired",
            Self::Cut => "cut",
            Self::Discarded => "discarded",
            Self::Drained => "drained",
            Self::Evicted => "evicted",
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::Lost => "lost",
            Self::NotPooled => "not_pooled",
            Self::Resized => "resized",
            Self::Revoked => "revoked",
            Self::Room => "room",
            Self::Shutdown => "shutdown",
            Self::Superseded => "superseded",
        }
    }
}
