//! The state of one endpoint's circuit. Pure: each method gets the time.
//!
//! ```text
//!           threshold failures in a row
//!   Closed ─────────────────────────────▶ Doubted ──▶ a probe of the pool is answered ──▶ Closed
//!     ▲   ╲                                  │
//!     │    ╲ the connector has no probe      │ the probe is not answered
//!     │     ╲                                ▼
//!     │      ╲─────────────────────────────▶ Open ──▶ the connect of one caller is the probe
//!     │                                      │  ▲       │
//!     │ a probe, a connect or a call is      │  │       ▼
//!     └──────────────────────────────────────┴──┴─── HalfOpen
//!       answered
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::{
    attempt::{AttemptKind, Decision, Failed, ProbeOutcome},
    outage::{Outage, Phase},
    pause::pause,
    policy::CircuitPolicy,
    ramp::Ramp,
};

/// The state of one endpoint's circuit.
#[derive(Debug)]
pub(in crate::upstream) struct Circuit {
    policy: CircuitPolicy,
    pub(super) phase: Phase,
    /// Whether the pool sends probes of its own.
    pub(super) has_probe: bool,
    /// Failures in a row, each of an event of its own.
    pub(super) failures: u32,
    /// When the last of them ended.
    counted_at: Option<Instant>,
    /// The kind of the last of them.
    pub(super) evidence: Option<&'static str>,
    /// When an attempt was last made or held back.
    wanted_at: Option<Instant>,
    /// The limit of connects after an outage.
    pub(super) ramp: Option<Ramp>,
    /// True while the circuit is open by hand.
    pub(super) is_forced: bool,
}

impl Circuit {
    pub(in crate::upstream) fn new(policy: CircuitPolicy, has_probe: bool) -> Self {
        Self {
            policy,
            phase: Phase::Closed,
            has_probe,
            failures: 0,
            counted_at: None,
            evidence: None,
            wanted_at: None,
            ramp: None,
            is_forced: false,
        }
    }

    /// Decides on an attempt that begins now.
    pub(in crate::upstream) fn admit(&mut self, now: Instant) -> Decision {
        self.wanted_at = Some(now);
        match self.phase {
            Phase::Closed | Phase::Doubted => self.admit_ramped(now),
            Phase::Open(outage) => {
                let due = outage.callers_from.is_some_and(|from| from <= now);
                match due && !self.is_forced {
                    true => self.admit_probe(outage, now),
                    false => self.hold_back(outage, outage.callers_from, now),
                }
            }
            Phase::HalfOpen { outage, until } if until <= now => self.admit_probe(outage, now),
            Phase::HalfOpen { outage, until } => self.hold_back(outage, Some(until), now),
        }
    }

    /// Ends an attempt, or a request on an open session, that the endpoint answered.
    pub(in crate::upstream) fn answered(&mut self, kind: AttemptKind) {
        self.end_ramped(kind, true);
        self.failures = 0;
        self.evidence = None;
        if self.is_forced {
            return;
        }
        if matches!(self.phase, Phase::Open(_) | Phase::HalfOpen { .. }) {
            self.ramp = Some(Ramp::default());
        }
        self.phase = Phase::Closed;
    }

    /// Ends an attempt, or a request on an open session, that began at `began` and found nothing.
    ///
    /// Requests that one event cuts off count once: of those that began before the last counted
    /// failure, none counts.
    pub(in crate::upstream) fn failed(&mut self, failed: Failed, now: Instant, jitter: f64) {
        self.end_ramped(failed.kind, false);
        let is_probe = failed.kind == AttemptKind::Probe;
        if let Phase::HalfOpen { outage, .. } = self.phase
            && is_probe
        {
            self.phase = Phase::Open(self.continued(outage, now, jitter));
            return;
        }
        if self
            .counted_at
            .is_some_and(|counted| failed.began < counted)
        {
            return;
        }
        self.counted_at = Some(now);
        self.evidence = Some(failed.evidence);
        self.failures = self.failures.saturating_add(1);
        if self.phase == Phase::Closed && self.failures >= self.policy.threshold {
            self.phase = match self.has_probe {
                true => Phase::Doubted,
                false => Phase::Open(self.outage(now, jitter)),
            };
        }
    }

    /// Ends an attempt that shows nothing.
    pub(in crate::upstream) fn abandoned(&mut self, kind: AttemptKind, now: Instant) {
        self.end_ramped(kind, false);
        if let Phase::HalfOpen { mut outage, .. } = self.phase
            && kind == AttemptKind::Probe
        {
            outage.callers_from = Some(now);
            self.phase = Phase::Open(outage);
        }
    }

    /// Ends a probe of the pool.
    pub(in crate::upstream) fn probed(&mut self, outcome: ProbeOutcome, now: Instant, jitter: f64) {
        let outage = match self.phase {
            _ if outcome == ProbeOutcome::Answered => return self.answered(AttemptKind::Plain),
            Phase::Closed => return,
            Phase::Doubted => self.outage(now, jitter),
            Phase::Open(outage) | Phase::HalfOpen { outage, .. } => {
                self.continued(outage, now, jitter)
            }
        };
        let callers_from = (outcome == ProbeOutcome::Unclear).then_some(now);
        self.phase = match self.phase {
            // The connect of a caller is on its way.
            Phase::HalfOpen { until, .. } => Phase::HalfOpen { outage, until },
            _ => Phase::Open(Outage {
                callers_from,
                ..outage
            }),
        };
    }

    /// When the pool sends its next probe; `None` where none is due.
    pub(in crate::upstream) fn next_probe(&self, now: Instant) -> Option<Instant> {
        if !self.has_probe || self.is_forced {
            return None;
        }
        match self.phase {
            Phase::Closed => None,
            Phase::Doubted => Some(now),
            Phase::Open(outage) | Phase::HalfOpen { outage, .. } if self.is_idle(outage, now) => {
                None
            }
            Phase::Open(outage) | Phase::HalfOpen { outage, .. } => Some(outage.next_probe),
        }
    }

    /// True where nothing has wanted the endpoint for long: an endpoint without callers is not probed
    /// for ever.
    fn is_idle(&self, outage: Outage, now: Instant) -> bool {
        let wanted = self.wanted_at.unwrap_or(outage.since).max(outage.since);
        now.saturating_duration_since(wanted) >= IDLE_AFTER
    }

    fn admit_ramped(&mut self, now: Instant) -> Decision {
        let Some(ramp) = &mut self.ramp else {
            return Decision::Admitted(AttemptKind::Plain);
        };
        match ramp.begin() {
            true => Decision::Admitted(AttemptKind::Ramped),
            false => Decision::Wait {
                until: now + LOOK_AGAIN,
            },
        }
    }

    fn end_ramped(&mut self, kind: AttemptKind, answered: bool) {
        if kind != AttemptKind::Ramped {
            return;
        }
        if let Some(ramp) = &mut self.ramp
            && ramp.end(answered)
        {
            self.ramp = None;
        }
    }

    fn admit_probe(&mut self, outage: Outage, now: Instant) -> Decision {
        self.phase = Phase::HalfOpen {
            outage,
            until: now + PROBE_LIMIT,
        };
        Decision::Admitted(AttemptKind::Probe)
    }

    /// Holds back an attempt during an outage: for a while, and then at once.
    fn hold_back(&self, outage: Outage, admits: Option<Instant>, now: Instant) -> Decision {
        let age = now.saturating_duration_since(outage.since);
        if age < self.policy.patience && !self.is_forced {
            let left = self.policy.patience - age;
            let until = now.checked_add(left).unwrap_or(now + LOOK_AGAIN);
            return Decision::Wait {
                until: admits.map_or(until, |admits| until.min(admits)),
            };
        }
        let next = admits.unwrap_or(outage.next_probe).max(outage.next_probe);
        let retry_after = match self.is_forced {
            true => self.policy.longest_pause,
            false => next.saturating_duration_since(now).max(SHORTEST_WAIT),
        };
        Decision::Refused { retry_after }
    }

    /// An outage that begins now.
    pub(super) fn outage(&self, now: Instant, jitter: f64) -> Outage {
        let began = Outage {
            since: now,
            next_probe: now,
            callers_from: None,
        };
        self.continued(began, now, jitter)
    }

    /// An outage that a probe has just confirmed.
    fn continued(&self, outage: Outage, now: Instant, jitter: f64) -> Outage {
        let age = now.saturating_duration_since(outage.since);
        let next = now + pause(age, self.policy.longest_pause, jitter);
        Outage {
            since: outage.since,
            next_probe: next,
            callers_from: (!self.has_probe).then_some(next),
        }
    }
}

/// How long one caller's connect keeps others from being the probe.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// How long a held back attempt waits for a change that it may have missed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const IDLE_AFTER: Duration = Duration::from_secs(600);
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::BreakerState;

    const POLICY: CircuitPolicy = CircuitPolicy {
        threshold: 2,
        longest_pause: Duration::from_secs(60),
        patience: Duration::from_secs(3),
    };
    const PLAIN: Decision = Decision::Admitted(AttemptKind::Plain);
    const PROBE: Decision = Decision::Admitted(AttemptKind::Probe);

    /// A circuit and a clock that starts with it.
    struct Setup {
        circuit: Circuit,
        start: Instant,
    }

    impl Setup {
        fn new(has_probe: bool) -> Self {
            Self {
                circuit: Circuit::new(POLICY, has_probe),
                start: Instant::now(),
            }
        }

        /// A setup with failures up to the threshold, the last one at 1 ms.
        fn failed(has_probe: bool) -> Self {
            let mut setup = Self::new(has_probe);
            setup.fail(AttemptKind::Plain, 0, 0);
            setup.fail(AttemptKind::Plain, 1, 1);
            setup
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn admit(&mut self, ms: u64) -> Decision {
            let now = self.at(ms);
            self.circuit.admit(now)
        }

        fn fail(&mut self, kind: AttemptKind, began: u64, ended: u64) {
            let failed = Failed {
                kind,
                began: self.at(began),
                evidence: "unreachable",
            };
            let now = self.at(ended);
            self.circuit.failed(failed, now, 0.0);
        }

        fn probe(&mut self, outcome: ProbeOutcome, ms: u64) {
            let now = self.at(ms);
            self.circuit.probed(outcome, now, 0.0);
        }

        /// When the next probe is due, in milliseconds.
        fn next_probe(&self, ms: u64) -> Option<u128> {
            let next = self.circuit.next_probe(self.at(ms))?;
            Some(next.duration_since(self.start).as_millis())
        }
    }

    #[test]
    fn one_event_that_cuts_many_requests_counts_once() {
        let mut setup = Setup::new(false);
        for _ in 0..50 {
            setup.fail(AttemptKind::Plain, 0, 10);
        }
        assert_eq!(setup.circuit.failures, 1);
        assert_eq!(setup.circuit.state(), BreakerState::Closed);
        setup.fail(AttemptKind::Plain, 10, 11);
        assert_eq!(setup.circuit.state(), BreakerState::Open);
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let mut setup = Setup::new(false);
        for ms in 0..10 {
            setup.fail(AttemptKind::Plain, ms, ms);
            setup.circuit.answered(AttemptKind::Plain);
        }
        assert!(setup.circuit.is_calm());
        assert_eq!(setup.admit(10), PLAIN);
    }

    #[test]
    fn the_pool_probes_before_it_opens_a_circuit() {
        let mut setup = Setup::failed(true);
        assert_eq!(setup.circuit.state(), BreakerState::Closed);
        assert_eq!(setup.admit(2), PLAIN);
        assert_eq!(setup.next_probe(2), Some(2));
        setup.probe(ProbeOutcome::Answered, 3);
        assert!(setup.circuit.is_calm());
        assert_eq!(setup.admit(4), PLAIN);
    }

    #[test]
    fn an_outage_is_probed_at_pauses_that_grow_with_it() {
        let mut setup = Setup::failed(true);
        setup.probe(ProbeOutcome::Absent, 1);
        assert_eq!(setup.circuit.state(), BreakerState::Open);
        assert_eq!(setup.next_probe(1), Some(101));
        setup.probe(ProbeOutcome::Absent, 101);
        assert_eq!(setup.next_probe(101), Some(201));
        setup.probe(ProbeOutcome::Absent, 10_001);
        assert_eq!(setup.next_probe(10_001), Some(11_001));
        setup.probe(ProbeOutcome::Answered, 11_001);
        assert_eq!(setup.next_probe(11_001), None);
        assert_eq!(setup.circuit.state(), BreakerState::Closed);
    }

    #[test]
    fn an_endpoint_that_nothing_wants_is_not_probed_for_ever() {
        let mut setup = Setup::failed(true);
        setup.probe(ProbeOutcome::Absent, 1);
        setup.admit(2);
        assert!(setup.next_probe(600_001).is_some());
        assert_eq!(setup.next_probe(600_002), None);
        setup.admit(700_000);
        assert!(setup.next_probe(700_000).is_some());
    }

    #[test]
    fn callers_wait_during_a_young_outage_and_fail_at_once_during_an_old_one() {
        let mut setup = Setup::failed(true);
        setup.probe(ProbeOutcome::Absent, 1);
        let until = setup.at(3_001);
        assert_eq!(setup.admit(2), Decision::Wait { until });
        setup.probe(ProbeOutcome::Absent, 3_001);
        let retry_after = Duration::from_millis(300);
        assert_eq!(setup.admit(3_001), Decision::Refused { retry_after });
    }

    #[test]
    fn without_a_probe_of_the_pool_one_caller_at_a_time_is_the_probe() {
        let mut setup = Setup::failed(false);
        assert_eq!(setup.circuit.state(), BreakerState::Open);
        let until = setup.at(101);
        assert_eq!(setup.admit(2), Decision::Wait { until });
        assert_eq!(setup.admit(101), PROBE);
        assert_eq!(setup.circuit.state(), BreakerState::HalfOpen);
        assert!(matches!(setup.admit(102), Decision::Wait { .. }));
        setup.fail(AttemptKind::Probe, 101, 103);
        assert_eq!(setup.circuit.state(), BreakerState::Open);
        assert_eq!(setup.admit(203), PROBE);
        setup.circuit.answered(AttemptKind::Probe);
        assert_eq!(setup.circuit.state(), BreakerState::Closed);
    }

    #[test]
    fn a_probe_that_is_lost_keeps_no_place() {
        let mut setup = Setup::failed(false);
        assert_eq!(setup.admit(101), PROBE);
        let now = setup.at(102);
        setup.circuit.abandoned(AttemptKind::Probe, now);
        assert_eq!(setup.admit(102), PROBE);
        // Nothing is heard of this one.
        assert!(matches!(setup.admit(2_101), Decision::Wait { .. }));
        assert_eq!(setup.admit(2_102), PROBE);
    }

    #[test]
    fn a_probe_without_an_answer_lets_a_caller_try() {
        let mut setup = Setup::failed(true);
        setup.probe(ProbeOutcome::Unclear, 1);
        assert_eq!(setup.circuit.state(), BreakerState::Open);
        assert_eq!(setup.admit(2), PROBE);
        setup.fail(AttemptKind::Probe, 2, 3);
        setup.probe(ProbeOutcome::Absent, 101);
        assert!(matches!(setup.admit(102), Decision::Wait { .. }));
    }

    #[test]
    fn any_answer_closes_an_open_circuit_and_few_connects_follow_at_first() {
        let mut setup = Setup::failed(true);
        setup.probe(ProbeOutcome::Absent, 1);
        setup.circuit.answered(AttemptKind::Plain);
        assert_eq!(setup.circuit.state(), BreakerState::Closed);
        for _ in 0..4 {
            assert_eq!(setup.admit(2), Decision::Admitted(AttemptKind::Ramped));
        }
        assert!(matches!(setup.admit(2), Decision::Wait { .. }));
        setup.circuit.answered(AttemptKind::Ramped);
        for _ in 0..5 {
            assert_eq!(setup.admit(3), Decision::Admitted(AttemptKind::Ramped));
        }
        assert!(matches!(setup.admit(3), Decision::Wait { .. }));
    }

    #[test]
    fn a_circuit_that_is_open_by_hand_stays_open_until_it_is_closed_by_hand() {
        let mut setup = Setup::new(true);
        let now = setup.at(0);
        setup.circuit.force_open(now);
        setup.circuit.answered(AttemptKind::Plain);
        assert_eq!(setup.next_probe(1), None);
        for ms in [1, 1_000, 100_000] {
            assert!(matches!(setup.admit(ms), Decision::Refused { .. }), "{ms}");
        }
        setup.circuit.close();
        assert_eq!(setup.admit(100_001), PLAIN);
    }

    #[test]
    fn half_open_by_hand_probes_at_once() {
        let mut setup = Setup::new(true);
        let now = setup.at(0);
        setup.circuit.force_open(now);
        let now = setup.at(5);
        setup.circuit.half_open(now);
        assert_eq!(setup.next_probe(5), Some(5));
        setup.probe(ProbeOutcome::Answered, 6);
        assert_eq!(setup.circuit.state(), BreakerState::Closed);
    }
}
