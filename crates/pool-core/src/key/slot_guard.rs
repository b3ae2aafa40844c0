//! The guard of a slot.

use std::sync::Arc;

use super::{
    key_pool::KeyPool,
    runner::run,
    slots::{Fate, Origin},
};
use crate::{
    extend::CloseReason,
    key::session::{PooledSession, SessionSlot},
    time::Timestamp,
};

/// The guard of a slot. Dropping it releases the slot: synchronously, without a runtime, and
/// without fail.
pub(crate) struct SlotGuard {
    key: Arc<KeyPool>,
    slot: Option<SessionSlot>,
}

impl SlotGuard {
    #[inline]
    pub(crate) fn new(key: Arc<KeyPool>, slot: SessionSlot) -> Self {
        Self {
            key,
            slot: Some(slot),
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> &Arc<KeyPool> {
        &self.key
    }

    #[inline]
    pub(crate) fn session(&self) -> &Arc<PooledSession> {
        &self.slot().member
    }

    /// When the last acquire of the session was.
    pub(crate) fn acquired_at(&self) -> Timestamp {
        self.slot().acquired_at
    }

    /// When the session last proved alive.
    #[inline]
    pub(crate) fn alive_at(&self) -> Timestamp {
        self.slot().alive_at
    }

    /// True when the session was opened for this guard's owner.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.slot().origin == Origin::Opened
    }

    /// True when the slot was taken while its key changed: no caller gets it.
    #[inline]
    pub(crate) fn is_late(&self) -> bool {
        self.slot().origin == Origin::Late
    }

    /// True while no eviction has begun a new generation since the session was opened.
    pub(crate) fn is_current(&self) -> bool {
        self.session().generation() == self.key.generation()
    }

    /// Sets when the session last proved alive.
    pub(crate) fn set_alive_at(&mut self, now: Timestamp) {
        if let Some(slot) = &mut self.slot {
            slot.alive_at = now;
        }
    }

    /// Sets when the last acquire of the session was.
    #[inline]
    pub(crate) fn set_acquired_at(&mut self, now: Timestamp) {
        if let Some(slot) = &mut self.slot {
            slot.acquired_at = now;
        }
    }

    /// The slot in a guard of its own; `None` where it was released.
    pub(crate) fn take(&mut self) -> Option<Self> {
        let slot = self.slot.take()?;
        Some(Self::new(Arc::clone(&self.key), slot))
    }

    /// True once the slot is released.
    #[inline]
    pub(crate) fn is_released(&self) -> bool {
        self.slot.is_none()
    }

    /// Releases the slot. A second call does nothing.
    #[inline(always)]
    pub(crate) fn release(&mut self, fate: Fate, reason: CloseReason) {
        if let Some(slot) = self.slot.take() {
            run(&self.key, self.key.release(slot, fate, reason));
        }
    }

    /// Releases the slot of a session that is fit for the next caller, unless the transport has
    /// reported its end.
    #[inline(always)]
    pub(crate) fn release_fit(&mut self) {
        let Some(slot) = &self.slot else {
            return;
        };
        let (fate, reason) = if slot.member.has_ended() {
            (Fate::Discard, CloseReason::Lost)
        } else {
            (Fate::Keep, CloseReason::Superseded)
        };
        self.release(fate, reason);
    }

    #[inline]
    fn slot(&self) -> &SessionSlot {
        self.slot
            .as_ref()
            .expect("only a method that consumes or drops the guard takes the slot out")
    }
}

impl Drop for SlotGuard {
    #[inline(always)]
    fn drop(&mut self) {
        self.release_fit();
    }
}
