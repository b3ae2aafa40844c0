//! How members come to a key.

use super::{
    slots::Slots,
    state::Entry,
    types::{Blame, Likely, Member, Origin, Served, Slot},
};

impl<M: Member, W: Clone, T: Copy + Ord> Slots<M, W, T> {
    /// Reserves a connect, if a waiter needs one and the limit allows it. Returns the waiter that
    /// it is for. Every `Some` must be followed by [`admit`](Self::admit) or
    /// [`abandon`](Self::abandon).
    pub(crate) fn begin_connect(&self) -> Option<(u64, W)> {
        let mut state = self.lock();
        if !state.wants_connect() {
            return None;
        }
        state.open += 1;
        state.connecting += 1;
        let index = state
            .waiters
            .iter()
            .position(|waiting| !waiting.has_connect)
            .unwrap_or(0);
        let waiting = &mut state.waiters[index];
        waiting.has_connect = true;
        Some((waiting.id, waiting.waiter.clone()))
    }

    /// True while a waiter is queued.
    pub(crate) fn has_waiters(&self) -> bool {
        !self.lock().waiters.is_empty()
    }

    /// The generation that a member opened now belongs to.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// A connect succeeded: serves the queue, and keeps the remaining slots ready. The slot of a
    /// waiter that left comes back with [`release`](Self::release).
    ///
    /// # Errors
    /// The member, when it came too late: its generation was retired meanwhile, or the limit was
    /// lowered and no waiter needs it.
    pub(crate) fn admit(&self, member: M, now: T) -> Result<Vec<Served<M, W, T>>, M> {
        let mut state = self.lock();
        state.connecting -= 1;
        let is_surplus = state.waiters.is_empty() && state.surplus() > 0;
        if state.is_removed() || member.generation() != state.generation || is_surplus {
            state.open -= 1;
            return Err(member);
        }
        state.likely = Likely {
            slots: member.slots(),
            suffices: member.suffices(),
        };
        let mut served = Vec::new();
        while served.len() < member.slots() as usize
            && let Some(waiting) = state.waiters.pop_front()
        {
            let origin = match served.is_empty() {
                true => Origin::Opened,
                false => Origin::Found,
            };
            state.hit_counts.count(origin);
            served.push((
                waiting.waiter,
                Slot {
                    member: member.clone(),
                    alive_at: now,
                    acquired_at: now,
                    origin,
                },
            ));
        }
        state.in_use += served.len();
        let used = u32::try_from(served.len()).unwrap_or(u32::MAX);
        if used < member.slots() {
            state.ready.push(Entry {
                member,
                used,
                alive_at: now,
            });
        }
        Ok(served)
    }

    /// A connect ended without a session. Returns the waiters that it fails: its requester, if it
    /// still waits, and under [`Blame::Endpoint`] all waiters that joined it.
    pub(crate) fn abandon(&self, requester: u64, blame: Blame) -> Vec<W> {
        let mut state = self.lock();
        state.connecting -= 1;
        state.open -= 1;
        let is_shared = state.likely.slots > 1 || state.likely.suffices;
        let joined = is_shared && blame == Blame::Endpoint;
        let mut failed = Vec::new();
        state.waiters.retain(|waiting| {
            let fails = match blame {
                Blame::None => false,
                Blame::Caller | Blame::Endpoint => {
                    waiting.id == requester || (joined && !waiting.has_connect)
                }
            };
            if fails {
                failed.push(waiting.waiter.clone());
            }
            !fails
        });
        state.hit_counts.misses += failed.len() as u64;
        failed
    }
}
