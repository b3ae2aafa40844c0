//! How those who share a limit compare.

use std::num::NonZeroU32;

/// How much the holder of a share has, and its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) held: usize,
    pub(crate) weight: NonZeroU32,
}

/// A waiting holder, as one that has permits sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rival {
    /// The standing of the poorest holder that waits.
    pub(crate) standing: Standing,
    /// Whether anything that waits has no permit at all.
    pub(crate) has_none: bool,
}

impl Standing {
    /// What the holder has for each unit of weight, in fixed point.
    pub(crate) fn ratio(self) -> u64 {
        let held = self.held as u64;
        held.saturating_mul(ONE) / u64::from(self.weight.get())
    }

    fn with_held(self, held: usize) -> Self {
        Self { held, ..self }
    }

    /// Whether a holder in this standing gives a permit that it could use itself to a rival. It does
    /// so where the rival is no richer afterwards than the holder is then; and at the end of the
    /// permit's turn, where the rival is poorer now or where something has no permit at all.
    pub(crate) fn yields_to(self, rival: Rival, is_turn_over: impl FnOnce() -> bool) -> bool {
        let other = rival.standing;
        let after = self.with_held(self.held.saturating_sub(1));
        if other.with_held(other.held + 1).ratio() <= after.ratio() {
            return true;
        }
        let is_poorer = other.ratio() < self.ratio();
        let is_equal = other.ratio() == self.ratio();
        (is_poorer || (is_equal && rival.has_none)) && is_turn_over()
    }
}

/// The unit of a ratio: more than any weight that makes sense.
const ONE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn standing(held: usize, weight: u32) -> Standing {
        Standing {
            held,
            weight: NonZeroU32::new(weight).unwrap(),
        }
    }

    fn yields(holder: Standing, standing: Standing, has_none: bool, is_turn_over: bool) -> bool {
        let rival = Rival { standing, has_none };
        holder.yields_to(rival, || is_turn_over)
    }

    #[test]
    fn a_holder_above_its_share_yields_at_once_and_one_at_its_share_never() {
        assert!(yields(standing(8, 1), standing(0, 1), false, false));
        assert!(yields(standing(5, 1), standing(3, 1), false, false));
        assert!(!yields(standing(4, 1), standing(4, 1), false, true));
        assert!(!yields(standing(3, 1), standing(5, 1), true, true));
        // Three quarters and one quarter.
        assert!(yields(standing(7, 3), standing(1, 1), false, false));
        assert!(!yields(standing(6, 3), standing(2, 1), false, true));
    }

    #[test]
    fn what_cannot_be_divided_goes_round_in_turns() {
        assert!(!yields(standing(1, 1), standing(0, 1), true, false));
        assert!(yields(standing(1, 1), standing(0, 1), true, true));
        assert!(yields(standing(3, 1), standing(2, 1), false, true));
        // Of one holder, something that has nothing gets a turn.
        assert!(!yields(standing(4, 1), standing(4, 1), true, false));
        assert!(yields(standing(4, 1), standing(4, 1), true, true));
    }

    proptest! {
        #[test]
        fn yielding_ends_within_one_permit_of_the_shares(
            weights in proptest::collection::vec(1_u32..8, 2..6),
            total in 1_usize..64,
        ) {
            // One holder has all, and everyone waits without end.
            let mut held = vec![0; weights.len()];
            held[0] = total;
            let at = |held: &[usize], i: usize| standing(held[i], weights[i]);
            for _ in 0..total * weights.len() {
                let poorest = (0..held.len()).min_by_key(|i| at(&held, *i).ratio()).unwrap();
                let holder = (0..held.len())
                    .find(|i| held[*i] > 0 && yields(at(&held, *i), at(&held, poorest), false, false));
                let Some(holder) = holder else { break };
                held[holder] -= 1;
                held[poorest] += 1;
            }
            let sum: u32 = weights.iter().sum();
            for (held, weight) in held.iter().zip(&weights) {
                let share = total as f64 * f64::from(*weight) / f64::from(sum);
                let distance = (*held as f64 - share).abs();
                prop_assert!(distance <= f64::from(*weight).max(1.0), "{held} of {share}");
            }
        }
    }
}
