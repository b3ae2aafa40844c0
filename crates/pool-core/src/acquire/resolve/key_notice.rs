//! The warning before `max_total_keys` is reached.

use std::sync::atomic::{AtomicBool, Ordering};

/// Warns when four fifths of `max_total_keys` are taken: once, and again only after fewer than seven
/// tenths were.
#[derive(Default)]
pub(crate) struct KeyNotice {
    given: AtomicBool,
}

impl KeyNotice {
    /// Warns where the new key is one of the last fifth.
    pub(crate) fn note(&self, pool: &str, taken: usize, max: usize) {
        if self.is_due(taken, max) {
            tracing::warn!(
                pool,
                keys = taken,
                max_total_keys = max,
                "few keys are left; the oldest idle ones are evicted when there are none"
            );
        }
    }

    fn is_due(&self, taken: usize, max: usize) -> bool {
        let taken = taken.saturating_mul(10);
        if max == 0 || taken < max.saturating_mul(7) {
            self.given.store(false, Ordering::Relaxed);
            return false;
        }
        taken >= max.saturating_mul(8) && !self.given.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_comes_once_for_each_time_that_keys_become_few() {
        let notice = KeyNotice::default();
        let due = [7, 8, 9, 10, 8, 6, 7, 8].map(|taken| notice.is_due(taken, 10));
        let expected = [false, true, false, false, false, false, false, true];
        assert_eq!(due, expected);
    }

    #[test]
    fn a_warning_comes_again_only_after_fewer_keys_than_seven_tenths_were_taken() {
        let notice = KeyNotice::default();
        let due = [8, 7, 8, 6, 8].map(|taken| notice.is_due(taken, 10));
        assert_eq!(due, [true, false, false, false, true]);
    }

    #[test]
    fn there_is_no_warning_where_there_is_no_limit() {
        assert!(!KeyNotice::default().is_due(usize::MAX, 0));
    }
}
