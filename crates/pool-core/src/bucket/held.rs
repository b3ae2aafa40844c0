//! A slot in somebody's hands: comes back by itself.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Bucket, Fate, Live, LiveSlot, Returned, slots::Slot};
use crate::CloseReason;

/// A slot in somebody's hands. Dropping it gives the slot back: synchronously, without a runtime,
/// and without fail.
pub(crate) struct Held {
    bucket: Arc<Bucket>,
    slot: Option<LiveSlot>,
}

impl Held {
    pub(crate) fn new(bucket: Arc<Bucket>, slot: LiveSlot) -> Self {
        Self {
            bucket,
            slot: Some(slot),
        }
    }

    pub(crate) fn bucket(&self) -> &Arc<Bucket> {
        &self.bucket
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.slot().member
    }

    /// When the session last proved alive.
    pub(crate) fn alive_at(&self) -> Instant {
        self.slot().alive_at
    }

    /// Whether the session was opened for whoever holds this.
    pub(crate) fn is_fresh(&self) -> bool {
        self.slot().fresh
    }

    /// Notes that the session has just proved alive.
    pub(crate) fn note_alive(&mut self, now: Instant) {
        if let Some(slot) = &mut self.slot {
            slot.alive_at = now;
        }
    }

    /// Notes that somebody wants the session now.
    pub(crate) fn note_wanted(&mut self, now: Instant) {
        if let Some(slot) = &mut self.slot {
            slot.wanted_at = now;
        }
    }

    /// Gives the slot back in another condition than "fit".
    pub(crate) fn give_back(mut self, fate: Fate, reason: CloseReason) {
        if let Some(slot) = self.slot.take() {
            settle(&self.bucket, slot, fate, reason);
        }
    }

    fn slot(&self) -> &LiveSlot {
        self.slot
            .as_ref()
            .expect("the slot is only taken out by what consumes or drops the holder")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else {
            return;
        };
        let (fate, reason) = if slot.member.session.alarm().is_raised() {
            (Fate::Discard, CloseReason::Lost)
        } else {
            (Fate::Keep, CloseReason::Superseded)
        };
        settle(&self.bucket, slot, fate, reason);
    }
}

/// Puts a slot where it belongs: to the ready ones, to whoever waits, or to the closer.
fn settle(bucket: &Arc<Bucket>, slot: LiveSlot, fate: Fate, reason: CloseReason) {
    let (mut slot, mut fate) = (slot, fate);
    loop {
        match bucket.slots.give_back(slot, fate) {
            // The session is ready before anybody who waits for room is told of it.
            Returned::Ready => return bucket.hub.note_idle(),
            Returned::Draining => return,
            Returned::Close { member, wanted } => {
                bucket.hub.close(member, reason);
                if wanted {
                    bucket.hub.want_connect(bucket);
                }
                return;
            }
            Returned::HandOver(ask, handed) => {
                let held = Held::new(Arc::clone(bucket), handed);
                match ask.give(Ok(held)) {
                    Ok(()) => return,
                    Err(refused) => {
                        let Some(undelivered) = refused.ok().and_then(Held::disarm) else {
                            return;
                        };
                        (slot, fate) = (undelivered, Fate::Undelivered);
                    }
                }
            }
        }
    }
}

impl Held {
    /// Takes the slot out without giving it back.
    fn disarm(mut self) -> Option<Slot<Arc<Live>, Instant>> {
        self.slot.take()
    }
}
