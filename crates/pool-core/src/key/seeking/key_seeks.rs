//! How a key seeks sessions.

use std::sync::{Arc, atomic::AtomicBool};

use super::{
    reservation::Reservation,
    session_seeker::{ReservedConnect, SeekingKey, SessionGrant},
};
use crate::{
    key::{job::Job, key_pool::KeyPool},
    limits::{Member, Seats},
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
