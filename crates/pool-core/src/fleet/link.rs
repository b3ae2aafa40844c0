//! A pool's side of the directory.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    circuit::DirectoryCircuit,
    closings::Closings,
    driver::HeldDriver,
    hints::Hints,
    names::{FleetName, mark, marks},
    overdue::Overdue,
    settings::Fleet,
};
use crate::{
    extend::{
        Beat, Claimed, DirectoryError, Held, ParkedSession, Reach, Removal, Removed, ReplicaId,
        Revoked, Session, Sharing, Tenure,
    },
    types::{PoolKey, Selector},
};

/// A pool's side of the directory: each step bounded, under one circuit.
pub(crate) struct FleetLink {
    pub(super) fleet: Fleet,
    pub(super) replica: ReplicaId,
    pub(super) tenure: Arc<Tenure>,
    circuit: DirectoryCircuit,
    pub(super) closings: Closings,
    pub(super) overdue: Overdue,
    pub(super) hints: Hints,
    /// What the last beat brought; `None` before the first.
    seen: Mutex<Option<u64>>,
}

impl FleetLink {
    pub(crate) fn new(fleet: Fleet) -> Self {
        Self {
            replica: ReplicaId::random(),
            tenure: Arc::new(Tenure::new(fleet.lease.mul_f64(USED_OF_LEASE))),
            circuit: DirectoryCircuit::default(),
            closings: Closings::default(),
            overdue: Overdue::default(),
            hints: Hints::default(),
            seen: Mutex::default(),
            fleet,
        }
    }

    /// The time between two beats.
    pub(crate) fn beat_interval(&self) -> Duration {
        self.fleet.lease / 3
    }

    /// The name of a key. `profile` and `declared` are those that the key was made with.
    pub(crate) fn name(&self, key: &PoolKey, profile: &str, declared: &[u8]) -> FleetName {
        FleetName::of(self.fleet.seal.as_ref(), key, profile, declared)
    }

    /// A digest under the secret of the fleet, equal on every replica.
    pub(crate) fn opaque(&self, digest: &[u8; 32]) -> [u8; 32] {
        *self.fleet.seal.mark(digest).as_bytes()
    }

    /// The number of the latest of these revocations that selects the key.
    pub(crate) fn revoked_at(&self, revoked: &[Revoked], key: &PoolKey) -> Option<u64> {
        let marks = marks(self.fleet.seal.as_ref(), key);
        let selecting = revoked.iter().filter(|it| marks.contains(&it.mark));
        selecting.map(|it| it.number).max()
    }

    /// Holds a session that was opened or revived. `None`: it cannot leave this process, so that the
    /// fleet does not know it. Nothing is recorded yet.
    pub(crate) fn hold(
        &self,
        session: Session,
        claimed: Claimed,
        ends_at: Instant,
    ) -> (Session, Option<Arc<Held>>) {
        let parked = session.driver().park();
        let sealed = parked.and_then(|it| self.fleet.seal.seal(&claimed.holding.key, &it).ok());
        let Some(sealed) = sealed else {
            return (session, None);
        };
        let tenure = Arc::clone(&self.tenure);
        let held = Arc::new(Held::new(claimed, sealed, ends_at, tenure));
        let session = session.held_as(Arc::clone(&held), |driver| HeldDriver {
            driver,
            held: Arc::clone(&held),
        });
        (session, Some(held))
    }

    /// Notes that a session is closed here, before a connect in its place begins: until the directory
    /// knows it, a claim would be given the same session.
    pub(crate) fn begin_close(&self, held: &Held) {
        held.note_ended();
        self.closings.begin(held.holding.session);
    }

    /// Notes that the directory knows of the close, or was not reached.
    pub(crate) fn end_close(&self, held: &Held) {
        self.closings.end(held.holding.session);
    }

    /// Records a session, now or once the directory answers again. Where the store refuses the fence, the
    /// session is void.
    pub(crate) async fn record(&self, held: &Arc<Held>) {
        let directory = &self.fleet.directory;
        let step = directory.record(&held.holding, &held.sealed, held.ttl());
        match self.step(step).await {
            Ok(()) => held.note_recorded(),
            Err(DirectoryError::Lost) => held.note_lost(),
            Err(DirectoryError::Unreachable(_)) => self.overdue.record(held),
            Err(DirectoryError::NotKept | DirectoryError::Refused(_)) => {}
        }
    }

    /// Hands a session over to the other replicas, as it is now. Returns whether they can have it.
    pub(crate) async fn park(&self, held: &Held, parked: Option<ParkedSession>) -> bool {
        if held.is_void() {
            return true;
        }
        let seal = |it| self.fleet.seal.seal(&held.holding.key, &it).ok();
        let now = parked.and_then(seal);
        let sealed = now.as_ref().unwrap_or(&held.sealed);
        let directory = &self.fleet.directory;
        let step = directory.park(&held.holding, sealed, held.ttl());
        match self.step(step).await {
            Ok(()) | Err(DirectoryError::Lost) => true,
            Err(DirectoryError::NotKept) => false,
            // The state of a conversation is worth more than a farewell.
            Err(_) => held.holding.sharing == Sharing::Shared && held.is_recorded(),
        }
    }

    /// Gives a session up. Returns whether its farewell may be sent: no other replica uses it.
    pub(crate) async fn remove(&self, held: &Held, removal: Removal) -> bool {
        if held.is_void() {
            return false;
        }
        let step = self.fleet.directory.remove(&held.holding, removal);
        match self.step(step).await {
            Ok(Removed::Nothing) => true,
            Ok(Removed::Others) => removal == Removal::Whole,
            // Another replica has it now.
            Err(DirectoryError::Lost) => false,
            Err(_) => self.ends_here(held, removal),
        }
    }

    /// Whether a session ends here although the directory did not answer. Its record goes later then.
    fn ends_here(&self, held: &Held, removal: Removal) -> bool {
        let is_shared = held.holding.sharing == Sharing::Shared && held.is_recorded();
        let ends = removal == Removal::Whole || !is_shared;
        if ends {
            self.overdue.remove(held.holding);
        }
        ends
    }

    /// Keeps every holding of this replica. Returns what was revoked since the last beat; nothing at the
    /// first. Of two beats at the same time each returns it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) async fn beat(&self) -> Result<Vec<Revoked>, DirectoryError> {
        let sent = Instant::now();
        let seen = *self.seen();
        let (replica, lease) = (&self.replica, self.fleet.lease);
        // A late answer is as good as an early one, since the tenure counts from `sent`.
        let beat = self.fleet.directory.beat(replica, lease, seen);
        let beat: Result<Beat, _> = timeout(self.beat_interval(), beat)
            .await
            .unwrap_or(Err(DirectoryError::Unreachable(None)));
        self.circuit.note(beat.is_ok());
        let beat = beat?;
        if self.tenure.confirm(sent, beat.incarnation) {
            tracing::warn!("the directory was not reached for a lease, or was replaced");
        }
        // Of two beats at the same time the later may bring it back, which repeats news.
        *self.seen() = Some(beat.seen);
        Ok(beat.revoked)
    }

    /// True once a beat has succeeded, so that the next one brings every revocation from now on.
    pub(crate) fn has_beaten(&self) -> bool {
        self.seen().is_some()
    }

    fn seen(&self) -> MutexGuard<'_, Option<u64>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a replica has revoked something.
    pub(crate) async fn news(&self) {
        self.fleet.directory.news().await;
        // One beat brings all of several.
        sleep(NEWS_PAUSE).await;
    }

    /// Revokes the sessions of a selector in the whole fleet. Returns how far that reached.
    pub(crate) async fn revoke(&self, selector: &Selector) -> Reach {
        let mark = mark(self.fleet.seal.as_ref(), selector);
        let revoked = timeout(self.beat_interval(), self.fleet.directory.revoke(&mark)).await;
        match revoked {
            Ok(Ok(())) => Reach::Fleet {
                within: self.beat_interval(),
            },
            Ok(Err(DirectoryError::Unreachable(_))) | Err(_) => {
                self.overdue.revoke(mark);
                Reach::LocalOnly
            }
            Ok(Err(_)) => Reach::LocalOnly,
        }
    }

    /// One step of the directory within the budget, unless the directory is left alone.
    pub(super) async fn step<T>(
        &self,
        step: impl Future<Output = Result<T, DirectoryError>>,
    ) -> Result<T, DirectoryError> {
        if self.circuit.is_open() {
            return Err(DirectoryError::Unreachable(None));
        }
        let result = timeout(timer_of(self.fleet.budget), step)
            .await
            .unwrap_or(Err(DirectoryError::Unreachable(None)));
        let has_answered = !matches!(&result, Err(DirectoryError::Unreachable(_)));
        self.circuit.note(has_answered);
        if let Err(error) = &result {
            tracing::debug!(error = error.label(), "step of the directory failed");
        }
        result
    }
}

/// The timer that ends a step within this budget.
fn timer_of(budget: Duration) -> Duration {
    budget.saturating_sub(TIMER_GRAIN).max(budget / 2)
}

const NEWS_PAUSE: Duration = Duration::from_millis(20);
/// A timer of tokio fires up to this long after its time, so a step of the whole budget would exceed it: its
/// wheel counts whole milliseconds, and the poll that wakes it rounds up to the next one again.
const TIMER_GRAIN: Duration = Duration::from_millis(2);
/// The rest is the time that a request takes from its check to the server.
const USED_OF_LEASE: f64 = 5.0 / 6.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_of_a_step_leaves_room_for_its_lateness_and_half_of_a_small_budget() {
        for (budget, timer) in [(0, 0), (2, 1), (4, 2), (5, 3), (200, 198)] {
            let budget = Duration::from_millis(budget);
            assert_eq!(timer_of(budget), Duration::from_millis(timer));
        }
    }
}
