//! When a session may be handed out, and when it has lived long enough. Pure: `now` is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::clock::{FAR_FUTURE, Timestamp, after};

/// What is to be done with an idle session that is about to be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Hand it out.
    Keep,
    /// Check that it is alive first.
    Check,
    /// Close it: it has reached the end of its life.
    Close,
}

/// When sessions end and when they are checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpiryPolicy {
    /// The longest life of a session.
    pub(crate) ttl: Duration,
    /// By which part of `ttl` lives differ, so that sessions opened together do not end together.
    pub(crate) jitter: f64,
    /// A session idle for more nanoseconds than this is checked before it is handed out.
    pub(crate) check_after: u64,
}

impl ExpiryPolicy {
    /// The end of a session opened now. `luck` in `0.0..1.0` selects a point within the jitter.
    pub(crate) fn end_of_life(&self, now: Instant, luck: f64) -> Instant {
        let life = self
            .ttl
            .min(FAR_FUTURE)
            .mul_f64(1.0 - self.jitter.clamp(0.0, 1.0) * luck.clamp(0.0, 1.0));
        after(now, life)
    }

    /// What is to be done with a session that ends at `ends_at` and last proved alive at `alive_at`.
    #[inline]
    pub(crate) fn freshness(
        &self,
        now: Timestamp,
        ends_at: Timestamp,
        alive_at: Timestamp,
    ) -> Freshness {
        if now >= ends_at {
            return Freshness::Close;
        }
        if now.nanos().saturating_sub(alive_at.nanos()) > self.check_after {
            return Freshness::Check;
        }
        Freshness::Keep
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::clock::Clock;

    fn policy(ttl_ms: u64, jitter: f64, check_ms: u64) -> ExpiryPolicy {
        ExpiryPolicy {
            ttl: Duration::from_millis(ttl_ms),
            jitter,
            check_after: check_ms * 1_000_000,
        }
    }

    proptest! {
        #[test]
        fn nothing_is_handed_out_after_its_end(
            ttl in 0u64..10_000, jitter in 0.0..1.0, luck in 0.0..1.0,
            check in 0u64..10_000, idle in 0u64..10_000, age in 0u64..20_000,
        ) {
            let born = Instant::now() + Duration::from_secs(60);
            let policy = policy(ttl, jitter, check);
            let end = policy.end_of_life(born, luck);
            prop_assert!(end <= born + Duration::from_millis(ttl));
            prop_assert!(end >= born + Duration::from_millis(ttl).mul_f64(1.0 - jitter));
            let now = born + Duration::from_millis(age);
            let alive = now - Duration::from_millis(idle);
            let clock = Clock::new();
            let freshness =
                policy.freshness(clock.timestamp(now), clock.timestamp(end), clock.timestamp(alive));
            prop_assert_eq!(freshness == Freshness::Close, now >= end);
            prop_assert_eq!(freshness == Freshness::Keep, now < end && idle <= check);
        }
    }

    #[test]
    fn an_endless_life_does_not_overflow() {
        let policy = ExpiryPolicy {
            ttl: Duration::MAX,
            jitter: 0.0,
            check_after: u64::MAX,
        };
        let clock = Clock::new();
        let now = Instant::now();
        assert_eq!(
            policy.freshness(
                clock.now(),
                clock.timestamp(policy.end_of_life(now, 0.0)),
                clock.now()
            ),
            Freshness::Keep
        );
    }
}
