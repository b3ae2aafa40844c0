//! What the directory does not know yet, since a step failed.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::link::FleetLink;
use crate::extend::{DirectoryError, Held, Holding, Removal};

/// The steps that the directory did not answer, until a beat shows that it answers again.
///
/// Without them a reservation would hold up the other replicas of its conversation for as long as a
/// handshake may take, and a record of an ended session would be claimed.
#[derive(Default)]
pub(super) struct Overdue(Mutex<VecDeque<OverdueStep>>);

/// A step that is done again.
enum OverdueStep {
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

    fn push(&self, step: OverdueStep) {
        let mut steps = self.lock();
        // A record that is left alone ends with its time to live.
        if steps.len() < MOST {
            steps.push_back(step);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<OverdueStep>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FleetLink {
    /// Does again what the directory did not answer, for a part of the time between two beats.
    pub(crate) async fn catch_up(&self) {
        let until = Instant::now() + self.beat_interval() / 2;
        let overdue = self.overdue.lock().len();
        // What fails again comes with the next beat.
        for _ in 0..overdue {
            let Some(step) = self.overdue.lock().pop_front() else {
                return;
            };
            match step {
                OverdueStep::Record(held) => self.record_late(&held).await,
                OverdueStep::Remove(holding) => self.forget(&holding).await,
            }
            if Instant::now() > until {
                return;
            }
        }
    }

    /// Records a session that is still in use here.
    async fn record_late(&self, held: &Arc<Held>) {
        if !held.is_void() && !held.has_ended() {
            self.record(held).await;
        }
    }

    /// Removes the record of a holding whose session there is not.
    pub(crate) async fn forget(&self, holding: &Holding) {
        let step = self.fleet.directory.remove(holding, Removal::Whole);
        if let Err(DirectoryError::Unreachable(_)) = self.step(step).await {
            self.overdue.remove(*holding);
        }
    }
}

/// As many sessions as a pool opens while its store is away for long.
const MOST: usize = 65_536;
