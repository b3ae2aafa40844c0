//! How a key seeks sessions.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use super::{
    reservation::Reservation,
    session_seeker::{ReservedConnect, SeekingKey, SessionGrant},
};
use crate::{
    key::{job::Job, key_pool::KeyPool, runner::run},
    limits::{Member, Seats},
    time::Timestamp,
};

impl SeekingKey for KeyPool {
    fn member(&self) -> &Member {
        &self.member
    }

    fn seats(&self) -> Option<&Seats> {
        self.session_seats()
    }

    fn reserve(self: Arc<Self>) -> Option<ReservedConnect> {
        let reservation = Reservation::of(&self)?;
        Some(Box::new(reservation))
    }

    fn seeks(&self) -> bool {
        self.slots.wants_connect()
    }

    fn has_none(&self) -> bool {
        self.slots.has_none()
    }

    fn next_deadline(&self) -> Option<u64> {
        self.slots.next_deadline().map(Timestamp::nanos)
    }

    fn shed(self: Arc<Self>, due: u64, retry_after: Duration) {
        let due = Timestamp::of_nanos(due);
        run(&self, self.shed_before(due, retry_after));
    }

    fn note_served(&self) {
        self.services.capacity.pace.note_served();
    }

    fn is_in_line(&self) -> &AtomicBool {
        &self.in_line
    }

    fn begin(&self, grant: SessionGrant) -> Result<(), SessionGrant> {
        let Some(jobs) = self.services.jobs.upgrade() else {
            return Err(grant);
        };
        match jobs.try_send(Job::Open(grant)) {
            Err(Job::Open(grant)) => Err(grant),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
