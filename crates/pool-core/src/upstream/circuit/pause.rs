//! The pauses between the probes of an endpoint that is not there.

use std::time::Duration;

/// The pause before the next probe of an outage that has lasted for `age`. Pure.
///
/// It is a tenth of the outage so far, so that an endpoint is found again soon after a short outage
/// and costs little in a long one. `jitter`, in `0.0..1.0`, shortens it by up to a quarter, so that
/// many pools do not probe at the same time.
pub(super) fn pause(age: Duration, longest: Duration, jitter: f64) -> Duration {
    let pause = (age / 10).max(SHORTEST).min(longest.max(LEAST));
    pause.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0)
}

const SHORTEST: Duration = Duration::from_millis(100);
/// A setting of zero must not probe without a pause.
const LEAST: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_tenth_of_the_outage_between_its_bounds() {
        let longest = Duration::from_secs(60);
        for (age_ms, expected_ms) in [
            (0, 100),
            (900, 100),
            (2_500, 250),
            (60_000, 6_000),
            (3_600_000, 60_000),
        ] {
            let pause = pause(Duration::from_millis(age_ms), longest, 0.0);
            assert_eq!(pause.as_millis(), expected_ms, "{age_ms}");
        }
        assert_eq!(
            pause(Duration::MAX, Duration::from_millis(20), 0.0),
            Duration::from_millis(20)
        );
        assert!(!pause(Duration::ZERO, Duration::ZERO, 0.0).is_zero());
    }

    #[test]
    fn jitter_only_shortens_and_by_a_quarter_at_most() {
        let age = Duration::from_secs(10);
        let of = |jitter| pause(age, Duration::from_secs(60), jitter).as_millis();
        assert_eq!((of(0.0), of(0.5), of(1.0)), (1_000, 875, 750));
        assert_eq!((of(-3.0), of(7.0)), (1_000, 750));
    }
}
