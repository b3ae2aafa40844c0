//! The circuit breaker of one endpoint.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::{sync::Notify, time::Instant};

use super::{
    admission::{Admission, Refusal},
    circuit::{AttemptKind, Circuit, CircuitPolicy, CircuitReading},
    holds::{Holder, Holds},
};
use crate::{error::FaultKind, types::BreakerState};

/// The circuit breaker of one endpoint: its circuit, and the waits that the endpoint requests.
#[derive(Debug)]
pub(super) struct Breaker {
    policy: CircuitPolicy,
    parts: Mutex<Parts>,
    /// True where an answer of the endpoint changes nothing, so that a call takes no lock.
    calm: AtomicBool,
    /// True where the endpoint may have requested a wait.
    holds: AtomicBool,
    /// Wakes the attempts that wait.
    changed: Notify,
}

#[derive(Debug)]
struct Parts {
    circuit: Circuit,
    holds: Holds,
}

/// A change of the circuit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) before: BreakerState,
    pub(super) after: CircuitReading,
}

impl Breaker {
    pub(super) fn new(policy: CircuitPolicy, has_probe: bool) -> Self {
        let parts = Parts {
            circuit: Circuit::new(policy, has_probe),
            holds: Holds::default(),
        };
        Self {
            policy,
            parts: Mutex::new(parts),
            calm: AtomicBool::new(true),
            holds: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Decides on an attempt that begins now. Costs two loads while nothing is wrong.
    pub(super) fn admit(&self, holder: &Holder, now: Instant) -> (Admission, Option<Change>) {
        if self.admits_at_once() {
            return (Admission::Admitted(AttemptKind::Plain), None);
        }
        let mut admission = Admission::Wait { until: now };
        let patience = self.policy.patience;
        let change = self.update(now, |parts| {
            admission = match parts.holds.of(holder, now) {
                Some((until, fault)) => Admission::of_hold(until, fault, patience, now),
                None => parts.circuit.admit(now).into(),
            };
        });
        (admission, change)
    }

    /// Why an attempt is not admitted whose deadline passes before another decision.
    pub(super) fn refusal(&self, holder: &Holder, now: Instant) -> Refusal {
        let parts = self.lock();
        match parts.holds.of(holder, now) {
            Some((_, fault)) => Refusal::Held(fault),
            None => Refusal::Open {
                retry_after: parts.circuit.read(now).next_probe.unwrap_or_default(),
            },
        }
    }

    /// Keeps the wait that a fault requests. `false` where it requests none.
    pub(super) fn hold(&self, holder: &Holder, kind: &FaultKind, now: Instant) -> bool {
        let longest = self.policy.longest_pause;
        let is_held = self.lock().holds.note(holder, kind, longest, now);
        if is_held {
            self.holds.store(true, Ordering::Release);
        }
        is_held
    }

    /// True where an answer of the endpoint changes nothing.
    #[inline]
    pub(super) fn admits_at_once(&self) -> bool {
        self.is_calm() && !self.holds.load(Ordering::Acquire)
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Changes the circuit, and wakes those that wait for a change.
    pub(super) fn change(&self, now: Instant, change: impl FnOnce(&mut Circuit)) -> Option<Change> {
        let changed = self.update(now, |parts| change(&mut parts.circuit));
        self.changed.notify_waiters();
        changed
    }

    pub(super) fn is_doubted(&self) -> bool {
        self.lock().circuit.is_doubted()
    }

    pub(super) fn read(&self, now: Instant) -> CircuitReading {
        self.lock().circuit.read(now)
    }

    pub(super) fn next_probe(&self, now: Instant) -> Option<Instant> {
        self.lock().circuit.next_probe(now)
    }

    /// Wakes attempts that wait for a change.
    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }

    fn update(&self, now: Instant, update: impl FnOnce(&mut Parts)) -> Option<Change> {
        let mut parts = self.lock();
        let before = parts.circuit.state();
        update(&mut parts);
        self.calm.store(parts.circuit.is_calm(), Ordering::Relaxed);
        if parts.holds.have_ended(now) {
            self.holds.store(false, Ordering::Release);
        }
        let after = parts.circuit.read(now);
        (before != after.state).then_some(Change { before, after })
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
