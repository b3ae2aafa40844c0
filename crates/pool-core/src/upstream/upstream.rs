//! What all keys of one endpoint share.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{
    admission::{Admission, Refusal},
    breaker::{Breaker, Change},
    circuit::{AttemptKind, Circuit, CircuitPolicy, CircuitReading, Failed, ProbeOutcome},
    contradictions::Contradictions,
    holds::Holder,
    retry_budget::RetryBudget,
    session_ids::SessionIds,
    tallies::Tallies,
};
use crate::{
    error::FaultKind,
    extend::EndpointProbe,
    time::after,
    types::{BreakerState, Endpoint, Era},
};

/// What all keys of one endpoint share: the circuit breaker, and what is known of its server.
pub(crate) struct Upstream {
    pub(super) me: Weak<Self>,
    pub(crate) endpoint: Endpoint,
    pub(crate) contradictions: Contradictions,
    pub(crate) session_ids: SessionIds,
    pub(crate) retries: RetryBudget,
    /// The counts of its keys.
    pub(crate) tallies: Tallies,
    /// The permits for farewells under way.
    pub(crate) farewells: Arc<Semaphore>,
    pub(super) breaker: Breaker,
    pub(super) host: Arc<dyn CircuitHost>,
    /// The task that probes the endpoint, while its circuit is not closed.
    prober: Mutex<Option<JoinHandle<()>>>,
    /// Counts the answers of the endpoint.
    answers: AtomicU64,
    /// The era of the newest session.
    era: AtomicU8,
}

/// Enough to close thousands of sessions in a second, few enough not to flood a server.
const MAX_FAREWELLS: usize = 64;

/// As many more where a pool closes: it has little time.
const MAX_LAST_FAREWELLS: usize = 448;

/// What a circuit needs of its pool.
pub(crate) trait CircuitHost: Send + Sync {
    /// Receives the changes of circuits.
    fn circuit_changed(&self, endpoint: &Endpoint, before: BreakerState, after: &CircuitReading);

    /// A probe of an endpoint; `None` where its connector has none.
    fn probe(&self, endpoint: &Endpoint) -> Option<EndpointProbe>;

    /// A random number in `0.0..1.0`.
    fn jitter(&self) -> f64;

    /// Starts a task; `None` where the pool is closed.
    fn start(&self, task: ProberTask) -> Option<JoinHandle<()>>;
}

/// The work of a task that probes an endpoint.
pub(crate) type ProberTask = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Upstream {
    pub(crate) fn new(
        endpoint: Endpoint,
        policy: CircuitPolicy,
        host: Arc<dyn CircuitHost>,
    ) -> Arc<Self> {
        let has_probe = host.probe(&endpoint).is_some();
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            endpoint,
            contradictions: Contradictions::default(),
            session_ids: SessionIds::default(),
            retries: RetryBudget::default(),
            tallies: Tallies::default(),
            farewells: Arc::new(Semaphore::new(MAX_FAREWELLS)),
            breaker: Breaker::new(policy, has_probe),
            host,
            prober: Mutex::default(),
            answers: AtomicU64::new(0),
            era: AtomicU8::new(UNKNOWN),
        })
    }

    /// The era of the newest session with the endpoint, if there was one.
    pub(crate) fn era(&self) -> Option<Era> {
        match self.era.load(Ordering::Relaxed) {
            LEGACY => Some(Era::Legacy),
            STATELESS => Some(Era::Stateless),
            _ => None,
        }
    }

    pub(crate) fn set_era(&self, era: Era) {
        let code = match era {
            Era::Legacy => LEGACY,
            Era::Stateless => STATELESS,
        };
        self.era.store(code, Ordering::Relaxed);
    }

    /// The circuit as it is at `now`.
    pub(crate) fn circuit(&self, now: Instant) -> CircuitReading {
        self.breaker.read(now)
    }

    /// A call on an open session was answered: the server is there.
    #[inline]
    pub(crate) fn call_answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.retries.earn();
        if !self.breaker.is_calm() {
            self.change(|circuit, _, _| circuit.answered(AttemptKind::Plain));
        }
    }

    /// A call on an open session, begun at `began`, did not reach the server.
    pub(crate) fn call_unreachable(&self, began: Instant, fault: &FaultKind) {
        self.attempt_failed(AttemptKind::Plain, began, fault);
    }

    /// Waits for the pool's probe, where failures have raised doubt, for a short time and no longer than
    /// to the deadline: so that the caller of the failure that opens a circuit finds it open.
    pub(crate) async fn doubt_settled(&self, deadline: Option<Instant>) {
        let settled = async {
            loop {
                let changed = self.changed().notified();
                if !self.breaker.is_doubted() {
                    return;
                }
                changed.await;
            }
        };
        if self.breaker.is_doubted() {
            let end = after(Instant::now(), DOUBT_TIMEOUT);
            let end = deadline.map_or(end, |deadline| deadline.min(end));
            let _ = timeout_at(end, settled).await;
        }
    }

    /// Opens the circuit until it is closed by hand.
    pub(crate) fn force_open(&self) {
        self.change(|circuit, now, _| circuit.force_open(now));
    }

    /// Has the endpoint probed at the next opportunity.
    pub(crate) fn half_open(&self) {
        self.stop_probing();
        self.change(|circuit, now, _| circuit.half_open(now));
    }

    /// Closes the circuit.
    pub(crate) fn close_circuit(&self) {
        self.change(|circuit, _, _| circuit.close());
    }

    /// Ends the task that probes the endpoint, and wakes the attempts that wait: the pool closes.
    pub(crate) fn close(&self) {
        // All farewells begin within the time that the pool has.
        self.farewells.add_permits(MAX_LAST_FAREWELLS);
        self.stop_probing();
        self.changed().notify_waiters();
    }

    fn stop_probing(&self) {
        if let Some(prober) = self.prober().take() {
            prober.abort();
        }
    }

    /// True while an attempt is admitted without a look at the circuit.
    pub(crate) fn admits_at_once(&self) -> bool {
        self.breaker.admits_at_once()
    }

    pub(super) fn admit(&self, holder: &Holder) -> Admission {
        let (admission, change) = self.breaker.admit(holder, Instant::now());
        self.report(change);
        if !self.breaker.is_calm() {
            // A task that found nothing wanted has ended.
            self.start_probing();
        }
        admission
    }

    pub(super) fn refusal(&self, holder: &Holder) -> Refusal {
        self.breaker.refusal(holder, Instant::now())
    }

    pub(super) fn changed(&self) -> &Notify {
        self.breaker.changed()
    }

    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    pub(super) fn hold(&self, holder: &Holder, fault: &FaultKind) -> bool {
        self.breaker.hold(holder, fault, Instant::now())
    }

    pub(super) fn attempt_answered(&self, kind: AttemptKind) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if kind != AttemptKind::Plain || !self.breaker.is_calm() {
            self.change(|circuit, _, _| circuit.answered(kind));
        }
    }

    pub(super) fn attempt_failed(&self, kind: AttemptKind, began: Instant, fault: &FaultKind) {
        let failed = Failed {
            kind,
            began,
            evidence: fault.label(),
        };
        self.change(|circuit, now, jitter| circuit.failed(failed, now, jitter));
    }

    pub(super) fn attempt_abandoned(&self, kind: AttemptKind) {
        if kind != AttemptKind::Plain {
            self.change(|circuit, now, _| circuit.abandoned(kind, now));
        }
    }

    /// When the next probe is due. `None` ends the task that probes.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        // Under the lock, so that a change which needs a task sees whether there is one.
        let mut prober = self.prober();
        let next = self.breaker.next_probe(Instant::now());
        if next.is_none() {
            *prober = None;
        }
        next
    }

    pub(super) fn probe(&self) -> Option<EndpointProbe> {
        self.host.probe(&self.endpoint)
    }

    pub(super) fn probed(&self, outcome: ProbeOutcome) {
        self.change(|circuit, now, jitter| circuit.probed(outcome, now, jitter));
    }

    fn change(&self, change: impl FnOnce(&mut Circuit, Instant, f64)) {
        let (now, jitter) = (Instant::now(), self.host.jitter());
        let change = self
            .breaker
            .change(now, |circuit| change(circuit, now, jitter));
        self.report(change);
        self.start_probing();
    }

    pub(super) fn prober(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.prober.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, change: Option<Change>) {
        if let Some(Change { before, after }) = change {
            self.host.circuit_changed(&self.endpoint, before, &after);
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop_probing();
    }
}

const DOUBT_TIMEOUT: Duration = Duration::from_millis(200);
const UNKNOWN: u8 = 0;
const LEGACY: u8 = 1;
const STATELESS: u8 = 2;
