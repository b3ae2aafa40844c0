//! The steps of a world.

use super::numbers::Numbers;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Acquire,
    TryAcquire,
    Release,
    Discard,
    CallOnLease,
    MakeClient,
    CallOnClient,
    AcquireOnClient,
    DropClient,
    Cancel,
    Evict,
    Revoke,
    Drain,
    ConnectBehaviour,
    FailNextConnect,
    CheckBehaviour,
    CloseBehaviour,
    CallBehaviour,
    DeliveryBehaviour,
    ExtractBehaviour,
    Forget,
    End,
    NotifyListChange,
    Flow,
    Jump,
    LongJump,
    UpdateEndpoint,
}

/// How far the tasks of the world run after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Not at all: the next step follows at once.
    None,
    /// Some of the tasks that are ready run.
    Partial,
    /// The tasks run until none is ready.
    Settled,
}

/// One step. It draws its parameters from a seed of its own, so that a step stays the same when
/// others are left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) number: u32,
    pub(super) action: Action,
    pub(super) pause: Pause,
    pub(super) draws: u64,
}

/// The first `count` steps of a seed.
pub(super) fn plan(seed: u64, count: u32) -> Vec<Step> {
    let weights = weights(&mut Numbers::new(seed, WEIGHTS));
    let total = weights.iter().sum();
    let step = |number| {
        let mut numbers = Numbers::new(seed, STEPS + u64::from(number));
        let mut drawn = numbers.below(total);
        let chosen = weights.iter().position(|weight| {
            let is_it = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            is_it
        });
        let (action, _) = ACTIONS[chosen.unwrap_or(0)];
        let pause = numbers.pick(&PAUSES);
        let draws = numbers.next();
        Step {
            number,
            action,
            pause,
            draws,
        }
    };
    (0..count).map(step).collect()
}

/// The weight of each action in a world. Some actions are frequent in a world and missing in the
/// next, since worlds that are alike reach the same states.
fn weights(numbers: &mut Numbers) -> Vec<usize> {
    let factors = [0, 1, 2, 2, 2, 4, 8];
    let weigh = |(action, weight): &(Action, usize)| {
        let factor = numbers.pick(&factors);
        match action {
            Action::Acquire | Action::Flow | Action::Release => weight * factor.max(1),
            _ => weight * factor,
        }
    };
    ACTIONS.iter().map(weigh).collect()
}

const ACTIONS: [(Action, usize); 27] = [
    (Action::Acquire, 24),
    (Action::TryAcquire, 2),
    (Action::Release, 16),
    (Action::Discard, 2),
    (Action::CallOnLease, 6),
    (Action::MakeClient, 3),
    (Action::CallOnClient, 12),
    (Action::AcquireOnClient, 4),
    (Action::DropClient, 1),
    (Action::Cancel, 4),
    (Action::Evict, 3),
    (Action::Revoke, 2),
    (Action::Drain, 1),
    (Action::ConnectBehaviour, 4),
    (Action::FailNextConnect, 2),
    (Action::CheckBehaviour, 2),
    (Action::CloseBehaviour, 2),
    (Action::CallBehaviour, 3),
    (Action::DeliveryBehaviour, 1),
    (Action::ExtractBehaviour, 1),
    (Action::Forget, 1),
    (Action::End, 1),
    (Action::NotifyListChange, 1),
    (Action::Flow, 14),
    (Action::Jump, 2),
    (Action::LongJump, 1),
    (Action::UpdateEndpoint, 1),
];

const PAUSES: [Pause; 5] = [
    Pause::None,
    Pause::Partial,
    Pause::Settled,
    Pause::Settled,
    Pause::Settled,
];

const WEIGHTS: u64 = 1;

/// Streams from here on belong to steps.
const STEPS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_plan_begins_with_the_shorter_one() {
        let (short, long) = (plan(7, 50), plan(7, 200));
        for (one, other) in short.iter().zip(&long) {
            assert_eq!(one.action, other.action);
            assert_eq!(one.draws, other.draws);
        }
        assert_eq!(long.len(), 200);
    }
}
