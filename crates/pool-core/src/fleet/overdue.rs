//! What the directory does not know yet, since a step failed.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::extend::{FleetMark, Held, Holding};

/// The steps that the directory did not answer, until a beat shows that it answers again.
///
/// Without them a reservation would hold up the other replicas of its conversation for as long as a
/// handshake may take, and a record of an ended session would be claimed.
#[derive(Default)]
pub(super) struct Overdue {
    steps: Mutex<VecDeque<OverdueStep>>,
    revocations: Mutex<Vec<FleetMark>>,
}

/// A step that is done again.
pub(super) enum OverdueStep {
    Record(Arc<Held>),
    Remove(Holding),
}

impl Overdue {
    /// Notes a session that has no record yet.
    pub(super) fn record(&self, held: &Arc<Held>) {
        self.push(OverdueStep::Record(Arc::clone(held)));
    }

    /// Notes a record whose session there is not.
    pub(super) fn remove(&self, holding: Holding) {
        self.push(OverdueStep::Remove(holding));
    }

    /// Notes a revocation that reached this process alone.
    pub(super) fn revoke(&self, mark: FleetMark) {
        let mut revocations = self.revocations();
        if !revocations.contains(&mark) {
            revocations.push(mark);
        }
    }

    /// Notes that a revocation has reached the directory.
    pub(super) fn note_revoked(&self, mark: &FleetMark) {
        self.revocations().retain(|it| it != mark);
    }

    /// The revocations that the directory does not know.
    pub(super) fn unknown_revocations(&self) -> Vec<FleetMark> {
        self.revocations().clone()
    }

    /// True for what this process has revoked, and the directory may still have.
    pub(super) fn is_revoked(&self, marks: &[FleetMark]) -> bool {
        let revocations = self.revocations();
        marks.iter().any(|mark| revocations.contains(mark))
    }

    fn revocations(&self) -> MutexGuard<'_, Vec<FleetMark>> {
        self.revocations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, step: OverdueStep) {
        let mut steps = self.lock();
        // A record that is left alone ends with its time to live.
        if steps.len() < MOST {
            steps.push_back(step);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, VecDeque<OverdueStep>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many sessions as a pool opens while its store is away for long.
const MOST: usize = 65_536;
