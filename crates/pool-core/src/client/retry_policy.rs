//! What becomes of a failed call. Pure.

use crate::error::CallFailure;

/// What to do with a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Repeat the call on a fresh session.
    Repeat,
    /// Return [`CallError::SessionLost`]: the conversation's state is gone.
    TellLoss,
    /// Return the failure.
    Surface,
}

/// Repeating is right only where the server provably did nothing since it does not know the
/// session, once, and only where no state is lost with the session.
pub(super) fn next_step(failure: &CallFailure, loses_state: bool, repeated: bool) -> Step {
    match failure.is_repeatable_elsewhere() {
        true if loses_state => Step::TellLoss,
        true if !repeated => Step::Repeat,
        _ => Step::Surface,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{FaultKind, Outcome};

    #[test]
    fn only_what_was_provably_not_executed_is_repeated_and_only_once() {
        let gone = CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone);
        assert_eq!(next_step(&gone, false, false), Step::Repeat);
        assert_eq!(next_step(&gone, false, true), Step::Surface);
        for failure in [
            CallFailure::new(Outcome::Unknown, FaultKind::SessionGone),
            CallFailure::new(Outcome::Unknown, FaultKind::Timeout),
            CallFailure::new(Outcome::NotExecuted, FaultKind::Unreachable),
            CallFailure::new(Outcome::Answered, FaultKind::SessionGone),
        ] {
            assert_eq!(
                next_step(&failure, false, false),
                Step::Surface,
                "{failure:?}"
            );
        }
    }

    #[test]
    fn a_lost_conversation_is_an_error_and_no_silent_new_session() {
        let gone = CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone);
        assert_eq!(next_step(&gone, true, false), Step::TellLoss);
    }
}
