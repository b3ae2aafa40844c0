//! The right to use a session.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rmcp::{RoleClient, service::Peer};
use tokio::time::Instant;

use crate::{
    CloseReason, PoolKey, SessionInfo,
    bucket::{Bucket, Fate, Held},
};

/// The right to use one slot of a session. Returns itself when dropped: synchronously, without a
/// runtime and without fail.
///
/// A [`PooledClient`](crate::PooledClient) takes a lease for each call and judges what becomes of
/// it. Whoever takes a lease in hand judges for oneself: after an error that leaves the session in
/// doubt, [`discard`](Self::discard) it.
#[must_use = "a lease that is dropped at once gives its session back at once"]
pub struct Lease {
    held: Option<Held>,
    acquired_at: Instant,
    used: AtomicBool,
}

impl Lease {
    pub(super) fn new(held: Held, acquired_at: Instant) -> Self {
        Self {
            held: Some(held),
            acquired_at,
            used: AtomicBool::new(false),
        }
    }

    /// rmcp's client side of the session.
    ///
    /// Use it only while the lease lives: a clone of it that is kept longer talks on a session that
    /// may be somebody else's by then, if the key allows that, or closed.
    #[must_use]
    pub fn peer(&self) -> &Peer<RoleClient> {
        self.used.store(true, Ordering::Relaxed);
        self.held().live().session.peer()
    }

    /// What is known of the session.
    #[must_use]
    pub fn info(&self) -> &SessionInfo {
        self.held().live().session.info()
    }

    /// The key the session belongs to.
    #[must_use]
    pub fn key(&self) -> &PoolKey {
        &self.held().live().key
    }

    /// Whether the session was opened for this lease (a miss) rather than found (a hit).
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.held().is_fresh()
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

    /// Keeps the session, but has it asked before anybody gets it again.
    pub(crate) fn suspect(&self) {
        self.held().live().suspect.store(true, Ordering::Relaxed);
    }

    pub(crate) fn bucket(&self) -> &Arc<Bucket> {
        self.held().bucket()
    }

    pub(crate) fn session(&self) -> &crate::Session {
        self.used.store(true, Ordering::Relaxed);
        &self.held().live().session
    }

    fn held(&self) -> &Held {
        self.held
            .as_ref()
            .expect("only what consumes or drops the lease takes the slot out")
    }

    fn end(&mut self, fate: Fate, reason: CloseReason) {
        let Some(mut held) = self.held.take() else {
            return;
        };
        let hub = &held.bucket().hub;
        let (fate, reason) = match fate {
            Fate::Keep if !hub.config.enabled => (Fate::Discard, CloseReason::NotPooled),
            fate => (fate, reason),
        };
        let used = self.used.load(Ordering::Relaxed);
        if used || hub.observer.is_some() {
            let now = Instant::now();
            note_released(&held, self.acquired_at, now, fate);
            if used {
                held.note_alive(now);
                held.note_wanted(now);
            }
        }
        match fate {
            Fate::Keep => drop(held),
            fate => held.give_back(fate, reason),
        }
    }
}

impl Drop for Lease {
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

fn note_released(held: &Held, acquired_at: Instant, now: Instant, fate: Fate) {
    held.bucket().hub.observe(|observer, pool| {
        observer.released(&crate::Released {
            pool,
            key: &held.live().key,
            used_for: now.saturating_duration_since(acquired_at),
            reusable: fate == Fate::Keep,
        });
    });
}
