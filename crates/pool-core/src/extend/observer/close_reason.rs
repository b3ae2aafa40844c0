//! Why a session was closed.

/// Defines the reasons from one table: variant, label and meaning.
macro_rules! close_reasons {
    ($($(#[$doc:meta])* $reason:ident => $label:literal,)*) => {
        /// Why a session was closed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum CloseReason {
            $($(#[$doc])* $reason,)*
        }

        impl CloseReason {
            /// Every reason, in the order of the labels.
            pub const ALL: &'static [Self] = &[$(Self::$reason,)*];

            /// A short word for labels and logs.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => $label,)*
                }
            }
        }
    };
}

close_reasons! {
    /// A call on it failed in a way that a session does not survive.
    Broken => "broken",
    /// It did not pass a health check.
    CheckFailed => "check_failed",
    /// The credential it was used with ended, and no newer one of the same identity had come.
    CredentialExpired => "credential_expired",
    /// Its user discarded it.
    Discarded => "discarded",
    /// The pool was drained.
    Drained => "drained",
    /// Its conversation, gateway entry or principal was evicted.
    Evicted => "evicted",
    /// It reached the end of its life.
    Expired => "expired",
    /// The pool was closed, and the session was still in use after the timeout of the close.
    ForcedShutdown => "forced_shutdown",
    /// Its key was not used for long.
    Idle => "idle",
    /// Its lease was ended from outside.
    LeaseEnded => "lease_ended",
    /// Its transport reported its end.
    Lost => "lost",
    /// Pooling is off.
    NotPooled => "not_pooled",
    /// The limit over all keys was reached, and another key needed its permit.
    Reclaimed => "reclaimed",
    /// A hook refused it before a lease or after one.
    RefusedByHook => "refused_by_hook",
    /// A limit was lowered below the number of sessions.
    Resized => "resized",
    /// Its principal or identity was revoked.
    Revoked => "revoked",
    /// The pool was closed.
    Shutdown => "shutdown",
    /// It came too late: its key had begun a new generation, was removed or had its limit lowered
    /// while the session was opened or used.
    Superseded => "superseded",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_also_the_text_in_serde() {
        for reason in CloseReason::ALL {
            let text = serde_json::to_value(reason).unwrap();
            assert_eq!(text, reason.as_str());
        }
        assert!(CloseReason::ALL.is_sorted_by_key(|reason| reason.as_str()));
    }
}
