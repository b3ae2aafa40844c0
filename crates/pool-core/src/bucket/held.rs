//! A slot in somebody's hands: comes back by itself.

use std::sync::Arc;

use super::{Ask, Bucket, Fate, Live, LiveSlot, Returned, slots::Origin};
use crate::{event::CloseReason, moment::Moment};

/// A slot in somebody's hands. Dropping it gives the slot back: synchronously, without a runtime,
/// and without fail.
pub(crate) struct Held {
    bucket: Arc<Bucket>,
    slot: Option<LiveSlot>,
}

impl Held {
    #[inline]
    pub(crate) fn new(bucket: Arc<Bucket>, slot: LiveSlot) -> Self {
        Self {
            bucket,
            slot: Some(slot),
        }
    }

    #[inline]
    pub(crate) fn bucket(&self) -> &Arc<Bucket> {
        &self.bucket
    }

    #[inline]
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.slot().member
    }

    /// When somebody last wanted the session.
    pub(crate) fn wanted_at(&self) -> Moment {
        self.slot().wanted_at
    }

    /// When the session last proved alive.
    #[inline]
    pub(crate) fn alive_at(&self) -> Moment {
        self.slot().alive_at
    }

    /// Whether the session was opened for whoever holds this.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.slot().origin == Origin::Opened
    }

    /// Whether nothing was retired since the session was opened.
    pub(crate) fn is_current(&self) -> bool {
        self.live().generation == self.bucket.slots.generation()
    }

    /// Notes that the session has just proved alive.
    pub(crate) fn note_alive(&mut self, now: Moment) {
        if let Some(slot) = &mut self.slot {
            slot.alive_at = now;
        }
    }

    /// Notes that somebody wants the session now.
    #[inline]
    pub(crate) fn note_wanted(&mut self, now: Moment) {
        if let Some(slot) = &mut self.slot {
            slot.wanted_at = now;
        }
    }

    /// Gives the slot back in another condition than "fit".
    pub(crate) fn give_back(mut self, fate: Fate, reason: CloseReason) {
        self.settle(fate, reason);
    }

    /// Whether the slot was given back.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.slot.is_none()
    }

    /// Gives the slot back, unless that was done before.
    #[inline(always)]
    pub(crate) fn settle(&mut self, fate: Fate, reason: CloseReason) {
        let Some(slot) = self.slot.take() else {
            return;
        };
        match self.bucket.slots.give_back(slot, fate) {
            // The session is ready before anybody who waits for room is told of it.
            Returned::Ready => self.bucket.hub.look_for_room(&self.bucket),
            returned => follow_up(&self.bucket, returned, reason),
        }
    }

    /// Gives the slot back as fit, unless its session is known to be over.
    #[inline]
    pub(crate) fn settle_fit(&mut self) {
        let Some(slot) = &self.slot else {
            return;
        };
        let (fate, reason) = if slot.member.session.close_notifier().is_notified() {
            (Fate::Discard, CloseReason::Lost)
        } else {
            (Fate::Keep, CloseReason::Superseded)
        };
        self.settle(fate, reason);
    }

    #[inline]
    fn slot(&self) -> &LiveSlot {
        self.slot
            .as_ref()
            .expect("the slot is only taken out by what consumes or drops the holder")
    }

    /// Takes the slot out without giving it back.
    fn disarm(mut self) -> Option<LiveSlot> {
        self.slot.take()
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        self.settle_fit();
    }
}

/// Sees to what is to be done after a slot came back: serves whoever waits, or tells the closer.
#[inline(never)]
fn follow_up(bucket: &Arc<Bucket>, returned: BucketReturned, reason: CloseReason) {
    let mut returned = returned;
    loop {
        match returned {
            Returned::Ready => return bucket.hub.look_for_room(bucket),
            Returned::Draining => return,
            Returned::Close { member, wanted } => {
                bucket.hub.close(member, reason);
                if wanted {
                    bucket.hub.want_connect(bucket);
                }
                return bucket.hub.look_for_room(bucket);
            }
            Returned::HandOver(ask, handed) => {
                let held = Held::new(Arc::clone(bucket), handed);
                let Err(refused) = ask.give(Ok(held)) else {
                    return;
                };
                let Some(undelivered) = refused.ok().and_then(Held::disarm) else {
                    return;
                };
                returned = bucket.slots.give_back(undelivered, Fate::Undelivered);
            }
        }
    }
}

/// What is to be done after a slot of a bucket came back.
type BucketReturned = Returned<Arc<Live>, Arc<Ask>, Moment>;
