//! What becomes of a failed attempt. Pure.

use crate::error::{CallFailure, FaultKind, Outcome};

/// What to do with a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Repeat the call.
    Repeat,
    /// Return [`CallError::SessionLost`](crate::error::CallError::SessionLost): the conversation's
    /// state is gone.
    TellLoss,
    /// Return the failure.
    Surface,
}

/// A failed attempt of a call.
pub(super) struct Attempt<'a> {
    pub(super) failure: &'a CallFailure,
    /// True where the state of a conversation is lost with the session.
    pub(super) loses_state: bool,
    /// True where executing the call twice does no harm.
    pub(super) is_harmless: bool,
    /// How often the call was repeated already.
    pub(super) repetitions: u32,
}

/// A call is repeated once where the server provably did nothing: it does not know the session, or it
/// was not reached. A call that does no harm when it is executed twice is also repeated when its connection broke.
pub(super) fn next_step(attempt: &Attempt<'_>) -> Step {
    let failure = attempt.failure;
    if failure.is_repeatable_elsewhere() && attempt.loses_state {
        return Step::TellLoss;
    }
    let may_repeat = match failure.outcome() {
        Outcome::NotExecuted => {
            let never_arrived = *failure.kind() == FaultKind::Unreachable;
            (failure.is_repeatable_elsewhere() || never_arrived) && attempt.repetitions == 0
        }
        Outcome::Unknown => {
            let is_broken = matches!(
                failure.kind(),
                FaultKind::SessionGone | FaultKind::Unreachable
            );
            attempt.is_harmless && is_broken && attempt.repetitions < MAX_READS
        }
        Outcome::Answered => false,
    };
    match may_repeat {
        true => Step::Repeat,
        false => Step::Surface,
    }
}

/// How often a call that only reads is repeated.
const MAX_READS: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn step(outcome: Outcome, kind: FaultKind, is_harmless: bool, repetitions: u32) -> Step {
        next_step(&Attempt {
            failure: &CallFailure::new(outcome, kind),
            loses_state: false,
            is_harmless,
            repetitions,
        })
    }

    #[test]
    fn what_was_provably_not_executed_is_repeated_once() {
        for kind in [FaultKind::SessionGone, FaultKind::Unreachable] {
            let again = |times| step(Outcome::NotExecuted, kind.clone(), false, times);
            assert_eq!(
                (again(0), again(1)),
                (Step::Repeat, Step::Surface),
                "{kind}"
            );
        }
    }

    #[test]
    fn what_may_have_been_executed_is_never_repeated_unless_it_only_reads() {
        for kind in [
            FaultKind::SessionGone,
            FaultKind::Timeout,
            FaultKind::Unreachable,
            FaultKind::Protocol,
        ] {
            assert_eq!(
                step(Outcome::Unknown, kind.clone(), false, 0),
                Step::Surface
            );
            assert_eq!(step(Outcome::Answered, kind, true, 0), Step::Surface);
        }
        let read = |times| step(Outcome::Unknown, FaultKind::Unreachable, true, times);
        assert_eq!(
            (read(0), read(1), read(2)),
            (Step::Repeat, Step::Repeat, Step::Surface)
        );
        for kind in [FaultKind::Timeout, FaultKind::Protocol] {
            assert_eq!(step(Outcome::Unknown, kind, true, 0), Step::Surface);
        }
    }

    #[test]
    fn a_lost_conversation_is_an_error_and_no_silent_new_session() {
        let gone = CallFailure::new(Outcome::NotExecuted, FaultKind::SessionGone);
        for is_harmless in [false, true] {
            let step = next_step(&Attempt {
                failure: &gone,
                loses_state: true,
                is_harmless,
                repetitions: 0,
            });
            assert_eq!(step, Step::TellLoss);
        }
    }
}
