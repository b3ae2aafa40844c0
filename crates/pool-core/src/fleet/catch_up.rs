//! Doing again what the directory did not answer.

use std::sync::Arc;

use tokio::time::Instant;

use super::{link::FleetLink, overdue::OverdueStep};
use crate::extend::{DirectoryError, Held, Holding, Removal};

impl FleetLink {
    /// Does again what the directory did not answer, for a part of the time between two beats.
    pub(crate) async fn catch_up(&self) {
        let until = Instant::now() + self.beat_interval() / 2;
        self.revoke_late().await;
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

    /// Revokes what the directory does not know to be revoked.
    async fn revoke_late(&self) {
        for mark in self.overdue.unknown_revocations() {
            let revoked = self.step(self.fleet.directory.revoke(&mark)).await;
            if !matches!(revoked, Err(DirectoryError::Unreachable(_))) {
                self.overdue.note_revoked(&mark);
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
