//! How many calls with an unknown outcome are repeated.

use std::sync::atomic::{AtomicU32, Ordering};

/// The repetitions that an endpoint has left: a fifth of its answered calls, and ten at the beginning, so
/// that an outage is not made worse by repetitions.
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicU32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl RetryBudget {
    /// An answered call earns a part of a repetition. Costs one load while the budget is full.
    #[inline]
    pub(crate) fn earn(&self) {
        let left = self.0.load(Ordering::Relaxed);
        if left < FULL {
            // Lost updates earn less, which does no harm.
            self.0.store((left + EARNED).min(FULL), Ordering::Relaxed);
        }
    }

    /// Spends one repetition, if one is left.
    pub(crate) fn spend(&self) -> bool {
        let spend = |left: u32| left.checked_sub(COST);
        let spent = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        spent.is_ok()
    }
}

/// One call earns a fifth of a repetition (20 %).
const EARNED: u32 = 1;
const COST: u32 = 5;
const FULL: u32 = 10 * COST;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_calls_may_be_repeated_and_ten_at_once() {
        let budget = RetryBudget::default();
        let spent = (0..20).filter(|_| budget.spend()).count();
        assert_eq!(spent, 10);
        (0..100).for_each(|_| budget.earn());
        let spent = (0..100).filter(|_| budget.spend()).count();
        assert_eq!(spent, 10, "no more than ten are saved up");
        (0..9).for_each(|_| budget.earn());
        assert!(budget.spend());
        assert!(!budget.spend());
    }
}
