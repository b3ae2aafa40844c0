//! The states that a run must reach.

/// Defines the states, with their names in reports.
macro_rules! sometimes {
    ($($state:ident: $name:literal,)*) => {
        /// A state that some worlds of a long run must reach.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Sometimes {
            $($state,)*
        }

        const NAMES: &[&str] = &[$($name,)*];
    };
}

sometimes! {
    AcquireOnClient: "an acquire of a client got a session",
    BreakerOpened: "a breaker opened",
    BreakerRefused: "an open breaker refused an acquire",
    CallQuotaReached: "a call waited for its quota",
    CallQuotaTimedOut: "a caller timed out at a quota of calls",
    CapacityTimedOut: "a waiter for capacity timed out",
    CheckCancelled: "a caller left while its session was checked",
    CheckFailed: "a check failed",
    CheckTimedOut: "a caller timed out while its session was checked",
    CloseCut: "the close of the pool closed a session in use",
    CloseFailed: "a closing failed",
    CloseTimedOut: "a closing timed out",
    CloseTurnedAway: "the close of the pool turned a waiter away",
    ConnectFailedWaiters: "a connect failed with several waiters",
    ConnectTimedOut: "a connect timed out",
    ConversationLost: "a conversation lost its session",
    CredentialEnded: "an acquire failed since its credential had ended",
    CredentialRetired: "sessions were closed before the end of their credential",
    EndpointUpdated: "the settings of an endpoint changed under a user",
    EvictedConnect: "an eviction met a connect",
    ExtractFailed: "an extractor refused a caller",
    ForcedUser: "a forced eviction met a user",
    Handover: "a released session went to a waiter",
    HandoverRefused: "a session was evicted on its way to a waiter",
    HandoverRevoked: "a session was revoked on its way to a waiter",
    IdentityTimedOut: "a caller timed out while it was identified",
    KeptAlive: "an idle session was checked without a caller",
    KeyReclaimed: "a key was removed for another one",
    KeyRemovedIdle: "an idle key was removed",
    ListChanged: "a list changed",
    NotExecuted: "a call failed before it was executed",
    OutcomeUnknownExecuted: "a call of unknown outcome was executed",
    OutcomeUnknownNotExecuted: "a call of unknown outcome was not executed",
    QueueFull: "a waiter waited at the limit of its key",
    QueueTimedOut: "a waiter timed out",
    QuotaReached: "a key began to wait at a quota",
    QuotaTimedOut: "a caller timed out at a quota",
    ReadySession: "a session was ready before its first caller",
    Repeated: "a call was repeated on another session",
    ReturnRacedConnect: "a session was released while a waiter had a connect",
    SessionExpired: "a session reached the end of its life",
    SessionLost: "a session in use was lost",
    SessionReclaimed: "a session was closed for another key",
    SharedSession: "two callers held slots of one session",
    UserRevoked: "a session in use was revoked",
    WaiterCancelled: "a waiter was cancelled",
    WaiterLeft: "a waiter left at its time",
}

/// How often each state was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Coverage(Vec<u64>);

impl Default for Coverage {
    fn default() -> Self {
        Self(vec![0; NAMES.len()])
    }
}

impl Coverage {
    pub(super) fn reach(&mut self, state: Sometimes) {
        self.0[state as usize] += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }

    /// Each state by its name, with its count.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.iter().copied().zip(self.0.iter().copied())
    }

    /// The names of the states that were not reached.
    pub(super) fn unreached(&self) -> Vec<&'static str> {
        let unreached = self.counts().filter(|(_, count)| *count == 0);
        unreached.map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_was_not_reached_is_named() {
        let mut coverage = Coverage::default();
        coverage.reach(Sometimes::AcquireOnClient);
        let unreached = coverage.unreached();
        assert_eq!(unreached.len(), NAMES.len() - 1);
        assert_eq!(unreached[0], "a breaker opened");
    }
}
