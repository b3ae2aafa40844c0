//! One circuit breaker per endpoint, in one atomic.
//!
//! ```text
//!            threshold failures in a row
//!   Closed ───────────────────────────────▶ Open ──▶ after the reset time, the first attempt
//!     ▲                                      ▲  │     is the probe
//!     │ the probe succeeds                   │  ▼
//!     └───────────────────────────────── HalfOpen ──▶ a probe without an outcome by its deadline
//!                                            │        allows another probe    
//!              the probe fails ──▶ Open ◀────┘
//! ```
//!
//! Every transition is a pure function of the state, the time and the settings; the atomic only
//! applies it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::{config::PoolConfig, types::BreakerState};

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BreakerPolicy {
    /// Failures in a row that open the circuit.
    pub(crate) threshold: u32,
    /// How long it stays open.
    pub(crate) reset: Duration,
    /// How long a probe may take before another one is admitted.
    pub(crate) probe_deadline: Duration,
}

impl BreakerPolicy {
    pub(crate) fn new(config: &PoolConfig) -> Self {
        Self {
            threshold: config.breaker.circuit_breaker_threshold,
            reset: config.breaker.circuit_breaker_reset,
            probe_deadline: config.timeouts.session_create_timeout,
        }
    }
}

/// A circuit breaker.
pub(crate) struct Breaker {
    policy: BreakerPolicy,
    origin: Instant,
    state: AtomicU64,
}

/// The state of a breaker. Times are milliseconds since the breaker was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: u64 },
    HalfOpen { deadline: u64 },
}

/// The breaker's decision on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Admitted { probe: bool },
    Refused { retry_after: u64 },
}

/// What can be read off a breaker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BreakerReading {
    pub(crate) state: BreakerState,
    pub(crate) failures: u32,
    pub(crate) open_for: Option<Duration>,
}

/// A change of state: before, after.
pub(crate) type Transition = Option<(BreakerState, BreakerState)>;

impl Breaker {
    pub(crate) fn new(policy: BreakerPolicy, now: Instant) -> Self {
        Self {
            policy,
            origin: now,
            state: AtomicU64::new(State::Closed { failures: 0 }.pack()),
        }
    }

    /// Admits or refuses an attempt. An admitted attempt must be settled with its outcome.
    ///
    /// # Errors
    /// How long to wait, when the circuit is open.
    pub(crate) fn admit(&self, now: Instant) -> Result<(Attempt, Transition), Duration> {
        let at = self.millis(now);
        let mut answer = Answer::Admitted { probe: false };
        let change = self.apply(|state| {
            let (next, said) = state.admit(at, &self.policy);
            answer = said;
            next
        });
        match answer {
            Answer::Admitted { probe } => Ok((Attempt { probe }, change)),
            Answer::Refused { retry_after } => Err(Duration::from_millis(retry_after)),
        }
    }

    /// An attempt succeeded.
    pub(crate) fn succeeded(&self, attempt: Attempt) -> Transition {
        self.apply(|state| state.succeeded(attempt))
    }

    /// An attempt failed in a way that counts against the endpoint.
    pub(crate) fn failed(&self, attempt: Attempt, now: Instant) -> Transition {
        let at = self.millis(now);
        self.apply(|state| state.failed(attempt, at, &self.policy))
    }

    /// An attempt ended without evidence: another attempt may probe.
    pub(crate) fn abandoned(&self, attempt: Attempt) -> Transition {
        self.apply(|state| state.abandoned(attempt))
    }

    /// A call on an open session was answered. Costs one load when there is nothing to reset.
    pub(crate) fn call_answered(&self) -> Transition {
        if State::unpack(self.state.load(Ordering::Relaxed)) == (State::Closed { failures: 0 }) {
            return None;
        }
        self.apply(State::call_answered)
    }

    pub(crate) fn read(&self, now: Instant) -> BreakerReading {
        let at = self.millis(now);
        let state = State::unpack(self.state.load(Ordering::Relaxed));
        let (failures, until) = match state {
            State::Closed { failures } => (failures, None),
            State::Open { until } => (self.policy.threshold, Some(until)),
            State::HalfOpen { .. } => (self.policy.threshold, None),
        };
        BreakerReading {
            state: state.name(),
            failures,
            open_for: until.map(|until| Duration::from_millis(until.saturating_sub(at))),
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        let millis = now.saturating_duration_since(self.origin).as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX)
    }

    fn apply(&self, mut step: impl FnMut(State) -> State) -> Transition {
        let mut before = State::Closed { failures: 0 };
        let mut after = before;
        let _ = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |packed| {
                before = State::unpack(packed);
                after = step(before);
                Some(after.pack())
            });
        (before.name() != after.name()).then(|| (before.name(), after.name()))
    }
}

/// An admitted attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    probe: bool,
}

impl Attempt {
    /// An attempt that needs no admission: a call on an open session.
    pub(crate) const CALL: Self = Self { probe: false };
}

impl State {
    fn admit(self, now: u64, policy: &BreakerPolicy) -> (Self, Answer) {
        let probe = Self::HalfOpen {
            deadline: now.saturating_add(millis(policy.probe_deadline)),
        };
        match self {
            Self::Closed { .. } => (self, Answer::Admitted { probe: false }),
            Self::Open { until: wait } | Self::HalfOpen { deadline: wait } if wait > now => {
                let retry_after = wait - now;
                (self, Answer::Refused { retry_after })
            }
            Self::Open { .. } | Self::HalfOpen { .. } => (probe, Answer::Admitted { probe: true }),
        }
    }

    fn succeeded(self, attempt: Attempt) -> Self {
        match self {
            Self::Closed { .. } => Self::Closed { failures: 0 },
            Self::Open { .. } | Self::HalfOpen { .. } if attempt.probe => {
                Self::Closed { failures: 0 }
            }
            // Admitted before the circuit opened: old news.
            Self::Open { .. } | Self::HalfOpen { .. } => self,
        }
    }

    fn failed(self, attempt: Attempt, now: u64, policy: &BreakerPolicy) -> Self {
        let open = Self::Open {
            until: now.saturating_add(millis(policy.reset)),
        };
        match self {
            Self::Closed { failures } if failures + 1 >= policy.threshold => open,
            Self::Closed { failures } => Self::Closed {
                failures: failures + 1,
            },
            Self::HalfOpen { .. } if attempt.probe => open,
            Self::HalfOpen { .. } | Self::Open { .. } => self,
        }
    }

    fn abandoned(self, attempt: Attempt) -> Self {
        match self {
            Self::HalfOpen { .. } if attempt.probe => Self::Open { until: 0 },
            _ => self,
        }
    }

    fn call_answered(self) -> Self {
        match self {
            Self::Closed { .. } => Self::Closed { failures: 0 },
            _ => self,
        }
    }

    fn name(self) -> BreakerState {
        match self {
            Self::Closed { .. } => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Two bits of tag above 62 bits of payload.
    fn pack(self) -> u64 {
        let (tag, payload) = match self {
            Self::Closed { failures } => (0, u64::from(failures)),
            Self::Open { until } => (1, until),
            Self::HalfOpen { deadline } => (2, deadline),
        };
        (tag << TAG_SHIFT) | payload.min(PAYLOAD)
    }

    fn unpack(packed: u64) -> Self {
        let payload = packed & PAYLOAD;
        match packed >> TAG_SHIFT {
            0 => Self::Closed {
                failures: u32::try_from(payload).unwrap_or(u32::MAX),
            },
            1 => Self::Open { until: payload },
            _ => Self::HalfOpen { deadline: payload },
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const TAG_SHIFT: u32 = 62;
const PAYLOAD: u64 = (1 << TAG_SHIFT) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: BreakerPolicy = BreakerPolicy {
        threshold: 2,
        reset: Duration::from_millis(100),
        probe_deadline: Duration::from_millis(50),
    };

    fn breaker() -> (Breaker, Instant) {
        let now = Instant::now();
        (Breaker::new(POLICY, now), now)
    }

    fn open(breaker: &Breaker, now: Instant) {
        for _ in 0..POLICY.threshold {
            let (attempt, _) = breaker.admit(now).unwrap();
            breaker.failed(attempt, now);
        }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn threshold_failures_in_a_row_open_the_circuit() {
        let (breaker, now) = breaker();
        let (attempt, _) = breaker.admit(now).unwrap();
        assert_eq!(breaker.failed(attempt, now), None);
        let (attempt, _) = breaker.admit(now).unwrap();
        assert_eq!(
            breaker.failed(attempt, now),
            Some((BreakerState::Closed, BreakerState::Open))
        );
        assert_eq!(breaker.admit(now + ms(40)).unwrap_err(), ms(60));
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let (breaker, now) = breaker();
        for _ in 0..5 {
            let (attempt, _) = breaker.admit(now).unwrap();
            breaker.failed(attempt, now);
            let (attempt, _) = breaker.admit(now).unwrap();
            breaker.succeeded(attempt);
        }
        assert!(breaker.admit(now).is_ok());
    }

    #[test]
    fn half_open_admits_one_probe_at_a_time() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + ms(100);
        let (probe, change) = breaker.admit(later).unwrap();
        assert_eq!(change, Some((BreakerState::Open, BreakerState::HalfOpen)));
        assert!(breaker.admit(later).is_err());
        assert_eq!(
            breaker.succeeded(probe),
            Some((BreakerState::HalfOpen, BreakerState::Closed))
        );
        assert!(breaker.admit(later).is_ok());
    }

    #[test]
    fn a_failed_probe_opens_the_circuit_for_another_reset_time() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + ms(100);
        let (probe, _) = breaker.admit(later).unwrap();
        breaker.failed(probe, later);
        assert_eq!(breaker.admit(later).unwrap_err(), POLICY.reset);
    }

    #[test]
    fn a_probe_without_an_outcome_does_not_block_for_ever() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + ms(100);
        let (lost, _) = breaker.admit(later).unwrap();
        assert!(breaker.admit(later + ms(49)).is_err());
        assert!(breaker.admit(later + ms(50)).is_ok());
        breaker.abandoned(lost);
        assert!(breaker.admit(later + ms(51)).is_ok());
    }

    #[test]
    fn an_outcome_from_before_the_circuit_opened_changes_nothing() {
        let (breaker, now) = breaker();
        let (old, _) = breaker.admit(now).unwrap();
        open(&breaker, now);
        assert_eq!(breaker.succeeded(old), None);
        assert_eq!(breaker.failed(old, now + ms(99)), None);
        assert!(breaker.admit(now + ms(100)).is_ok());
    }
}
