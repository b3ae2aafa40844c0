//! The pauses before what was lost is made again.

use std::time::Duration;

use tokio::time::Instant;

/// The pauses before what was lost is made again: they grow, and begin anew after it has lasted.
pub(super) struct Pauses {
    last: Duration,
    began: Instant,
}

impl Pauses {
    pub(super) fn new() -> Self {
        Self {
            last: Duration::ZERO,
            began: Instant::now(),
        }
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// The pause after an attempt. `fraction`, in `0.0..1.0`, spreads the attempts of many keys.
    pub(super) fn next(&mut self, fraction: f64) -> Duration {
        let has_lasted = self.began.elapsed() >= LASTING;
        self.last = match has_lasted || self.last.is_zero() {
            true => FIRST,
            false => (self.last * 2).min(LONGEST),
        };
        self.last.mul_f64(0.5 + fraction / 2.0)
    }
}

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// What was there for this long was made well.
const LASTING: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_a_bound_and_begin_anew_after_what_lasted() {
        let mut pauses = Pauses::new();
        let mut before = Duration::ZERO;
        for _ in 0..12 {
            pauses.begin();
            let pause = pauses.next(0.999_999);
            assert!(pause >= before && pause <= LONGEST, "{pause:?}");
            before = pause;
        }
        assert!(before > LONGEST / 2);
        pauses.begin();
        tokio::time::advance(LASTING).await;
        assert!(pauses.next(0.5) <= FIRST);
    }
}
