//! The right to use a session.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rmcp::{RoleClient, service::Peer};

use crate::{
    PoolKey,
    bucket::{Bucket, Fate, Held, Live},
    event::CloseReason,
    extend::{Era, SessionInfo},
};

/// The right to use one slot of a session. Returns itself when dropped: synchronously, without a
/// runtime and without fail.
///
/// A [`PooledClient`](crate::PooledClient) takes a lease for each call and judges what becomes of
/// it. Whoever takes a lease in hand judges for oneself: after an error that leaves the session in
/// doubt, [`discard`](Self::discard) it.
#[must_use = "a lease that is dropped at once gives its session back at once"]
pub struct Lease {
    held: Held,
    /// Whether its session was given out. A whole word, which is passed on faster than a lone byte.
    used: AtomicUsize,
}

impl Lease {
    pub(super) fn new(held: Held) -> Self {
        Self {
            held,
            used: AtomicUsize::new(UNUSED),
        }
    }

    /// rmcp's client side of the session.
    ///
    /// Use it only while the lease lives: a clone of it that is kept longer talks on a session that
    /// may be somebody else's by then, if the key allows that, or closed.
    #[must_use]
    pub fn peer(&self) -> &Peer<RoleClient> {
        self.used.store(USED, Ordering::Relaxed);
        self.held.live().session.peer()
    }

    /// What is known of the session.
    #[must_use]
    pub fn info(&self) -> &SessionInfo {
        self.held.live().session.info()
    }

    /// The key the session belongs to.
    #[must_use]
    pub fn key(&self) -> &PoolKey {
        &self.held.live().key
    }

    /// Whether the session was opened for this lease (a miss) rather than found (a hit).
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.held.is_fresh()
    }

    /// Gives the session up: nobody gets it any more, and it is closed once its other users, if it
    /// has any, are done.
    pub fn discard(mut self) {
        self.end(Fate::Discard, CloseReason::Discarded);
    }

    /// Gives the session up after a failed call.
    pub(crate) fn discard_broken(mut self, reason: CloseReason) {
        self.end(Fate::Discard, reason);
    }

    /// Keeps the session, but has it asked before anybody gets it again; unless it has no state, so
    /// that there is nothing to ask.
    pub(crate) fn suspect(&self) {
        let live = self.held.live();
        let can_die = live.session.info().era != Era::Stateless;
        live.suspect.store(can_die, Ordering::Relaxed);
    }

    pub(crate) fn bucket(&self) -> &Arc<Bucket> {
        self.held.bucket()
    }

    pub(crate) fn session(&self) -> &crate::extend::Session {
        &self.live().session
    }

    pub(crate) fn live(&self) -> &Live {
        self.used.store(USED, Ordering::Relaxed);
        self.held.live()
    }

    /// Gives the slot back, unless that was done before.
    #[inline]
    fn end(&mut self, fate: Fate, reason: CloseReason) {
        if self.held.is_settled() {
            return;
        }
        let hub = &self.held.bucket().hub;
        let (fate, reason) = match fate {
            Fate::Keep if !hub.config.enabled => (Fate::Discard, CloseReason::NotPooled),
            fate => (fate, reason),
        };
        let used = self.used.load(Ordering::Relaxed) != UNUSED;
        let (fate, reason) = match used || hub.observer.is_some() {
            true => note_released(&mut self.held, used, (fate, reason)),
            false => (fate, reason),
        };
        match fate {
            Fate::Keep => self.held.settle_fit(),
            fate => self.held.settle(fate, reason),
        }
    }
}

impl Drop for Lease {
    #[inline]
    fn drop(&mut self) {
        self.end(Fate::Keep, CloseReason::Discarded);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("key", self.key())
            .field("info", self.info())
            .finish_non_exhaustive()
    }
}

/// Notes that a session was released. Returns what becomes of it after all.
#[inline(never)]
fn note_released(
    held: &mut Held,
    used: bool,
    (fate, reason): (Fate, CloseReason),
) -> (Fate, CloseReason) {
    let now = held.bucket().hub.clock.now();
    let (fate, reason) = match fate {
        Fate::Keep if held.bucket().newest.have_ended(now) => {
            (Fate::Discard, CloseReason::CredentialExpired)
        }
        fate => (fate, reason),
    };
    held.bucket().hub.observe(|observer, pool| {
        observer.released(&crate::event::Released {
            pool,
            key: &held.live().key,
            used_for: now.since(held.wanted_at()),
            used,
            reusable: fate == Fate::Keep,
        });
    });
    if used {
        held.note_alive(now);
        held.note_wanted(now);
    }
    (fate, reason)
}

const UNUSED: usize = 0;
const USED: usize = 1;
