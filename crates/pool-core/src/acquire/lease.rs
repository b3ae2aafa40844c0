//! The right to use a session.

use std::{
    fmt,
    mem::ManuallyDrop,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rmcp::service::ServiceError;

use super::{
    connect::watch_stream,
    held_leases::{HeldLeases, Watched},
};
use crate::{
    context::Context,
    error::{CallError, CallFailure},
    extend::{CloseReason, Released, Session, SessionInfo, SessionPeer},
    key::{Fate, KeyPool, PooledSession, SlotGuard},
    limits::CallPermit,
    types::{Era, PoolKey},
};

/// The right to use one slot of a session. Returns itself when dropped: synchronously, without a
/// runtime and without fail.
///
/// A [`PooledClient`](crate::PooledClient) takes a lease for each call and decides what becomes of
/// its session. The user of a lease decides by hand: after an error, [`classify`](Self::classify)
/// it, and [`discard`](Self::discard) the lease where the session is not usable.
#[must_use = "a lease that is dropped at once gives its session back at once"]
pub struct Lease {
    slot: SlotGuard,
    /// Whether the session was used. A whole word, which moves faster than a single byte.
    used: AtomicUsize,
    /// What some leases have besides. It is dropped by [`end_reported`](Self::end_reported), which every
    /// such lease ends with.
    extras: ManuallyDrop<Option<Box<Extras>>>,
}

/// What some leases have besides.
#[derive(Default)]
struct Extras {
    /// The guard of the lease, where the pool watches its leases.
    watched: Option<Watched>,
    /// The permit of the call, where there are quotas of calls.
    call: Option<CallPermit>,
}

impl Lease {
    pub(crate) fn new(slot: SlotGuard) -> Self {
        Self {
            slot,
            used: AtomicUsize::new(UNUSED),
            extras: ManuallyDrop::new(None),
        }
    }

    /// A lease that no caller has yet. Dropped, it gives its slot back, and no observer gets to know of it.
    #[inline(always)]
    pub(super) fn unchecked(slot: SlotGuard) -> Self {
        Self {
            slot,
            used: AtomicUsize::new(UNCHECKED),
            extras: ManuallyDrop::new(None),
        }
    }

    /// The caller may have the lease, which is one more use of the session.
    #[inline(always)]
    pub(super) fn hand_out(&mut self) {
        *self.used.get_mut() = UNUSED;
        self.slot.session().count_use();
    }

    /// The slot of the lease.
    #[inline(always)]
    pub(super) fn slot_mut(&mut self) -> &mut SlotGuard {
        &mut self.slot
    }

    /// The slot of a lease that no caller has got. `None` where it was released.
    pub(super) fn into_slot(mut self) -> Option<SlotGuard> {
        self.slot.take()
    }

    /// The same lease, watched by the pool, which was taken at `site`.
    #[inline(never)]
    pub(super) fn watched(
        mut self,
        leases: &Arc<HeldLeases>,
        site: &'static Location<'static>,
    ) -> Self {
        let mut extras = self.extras.take().unwrap_or_default();
        // There, so that it is released at once where the lease is ended from outside.
        let call = extras.call.take();
        extras.watched = Some(leases.add(self.slot.session(), site, call));
        *self.extras = Some(extras);
        self
    }

    /// The same lease with the permit of its call, where it needs one.
    pub(super) fn with_call(mut self, call: Option<CallPermit>) -> Self {
        if call.is_some() {
            self.used.store(GUARDED, Ordering::Relaxed);
            let extras = Extras {
                watched: None,
                call,
            };
            *self.extras = Some(Box::new(extras));
        }
        self
    }

    /// rmcp's client side of the session.
    ///
    /// Use it only while the lease lives: one that is kept longer uses a session that may be closed,
    /// or in use by the next caller of the key. A session that needs no rmcp service for its calls
    /// starts one, which ends some time after the last peer is dropped.
    ///
    /// # Errors
    /// [`CallError::NotExecuted`] or [`CallError::OutcomeUnknown`]: the session is over, or what its
    /// server says of itself had to be requested and did not come.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn peer(&self) -> Result<SessionPeer, CallError> {
        let peer = self.pooled().session.peer().await;
        peer.map_err(CallError::of_failure)
    }

    /// What is known of the session.
    #[must_use]
    pub fn info(&self) -> &SessionInfo {
        self.slot.session().session.info()
    }

    /// The key the session belongs to.
    #[must_use]
    pub fn key(&self) -> &PoolKey {
        &self.slot.session().key
    }

    /// Whether the session was opened for this lease (a miss) rather than found (a hit).
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.slot.is_fresh()
    }

    /// Discards the session: no caller gets it any more, and it is closed once its other users, if
    /// it has any, release it.
    pub fn discard(mut self) {
        self.end(Fate::Discard, CloseReason::Discarded);
    }

    /// Gives the session up after a failed call.
    pub(crate) fn discard_broken(mut self, reason: CloseReason) {
        self.end(Fate::Discard, reason);
    }

    /// Keeps the session, but has it checked before it is handed out again; except for a session
    /// without a state, which needs no check.
    pub(crate) fn suspect(&self) {
        let pooled = self.slot.session();
        let can_die = pooled.session.info().era != Era::Stateless;
        pooled.suspect.store(can_die, Ordering::Relaxed);
    }

    /// What an error of rmcp on this session means: whether the request was executed, and whether the
    /// session may be used further. A [`PooledClient`](crate::PooledClient) decides by the same
    /// answer.
    #[must_use]
    pub fn classify(&self, error: &ServiceError) -> CallFailure {
        self.slot.session().session.driver().classify(error)
    }

    pub(crate) fn key_pool(&self) -> &Arc<KeyPool> {
        self.slot.key()
    }

    /// The session itself, for what is bound to it beyond the lease.
    pub(crate) fn shared_session(&self) -> Arc<PooledSession> {
        Arc::clone(self.slot.session())
    }

    /// Opens the stream for messages of the server, where the session has none so far.
    pub(crate) async fn open_server_stream(&self) {
        let (key, session) = (self.key_pool(), self.session());
        watch_stream(&key.services.context, key, session.info());
        session.driver().open_server_stream().await;
    }

    pub(crate) fn session(&self) -> &Session {
        &self.pooled().session
    }

    pub(crate) fn pooled(&self) -> &PooledSession {
        self.used.store(USED, Ordering::Relaxed);
        self.slot.session()
    }

    /// Releases the slot. A second call does nothing.
    #[inline]
    fn end(&mut self, fate: Fate, reason: CloseReason) {
        if self.slot.is_released() {
            return;
        }
        let used = self.used.load(Ordering::Relaxed);
        let is_plain = self.slot.key().services.context.is_plain();
        if used == UNCHECKED || (is_plain && used == UNUSED && fate == Fate::Keep) {
            return self.slot.release_fit();
        }
        self.end_reported(used == USED, fate, reason);
    }

    /// Releases the slot of a session that was used, or whose release is reported.
    #[inline(never)]
    fn end_reported(&mut self, used: bool, fate: Fate, reason: CloseReason) {
        let mut extras = self.extras.take();
        if let Some(extras) = &mut extras {
            // First: afterwards the slot may be another caller's.
            extras.watched = None;
        }
        let slot = &mut self.slot;
        let key = Arc::clone(slot.key());
        let context = &key.services.context;
        let now = context.clock.now();
        let (fate, reason) = match fate {
            Fate::Keep if !context.config.enabled => (Fate::Discard, CloseReason::NotPooled),
            Fate::Keep if key.credentials.have_ended(now) => {
                (Fate::Discard, CloseReason::CredentialExpired)
            }
            Fate::Keep if !keeps(context, slot) => (Fate::Discard, CloseReason::RefusedByHook),
            fate => (fate, reason),
        };
        context.events.emit(|observer, pool| {
            observer.released(&Released {
                pool,
                key: &slot.session().key,
                used_for: now.since(slot.acquired_at()),
                used,
                reusable: fate == Fate::Keep,
            });
        });
        if used {
            slot.set_alive_at(now);
            slot.set_acquired_at(now);
        }
        match fate {
            Fate::Keep => slot.release_fit(),
            fate => slot.release(fate, reason),
        }
        // Last: the caller that gets its permit finds the session.
        drop(extras);
    }
}

/// Whether the user's hook keeps a session that is released.
fn keeps(context: &Context, slot: &SlotGuard) -> bool {
    let Some(hooks) = &context.hooks else {
        return true;
    };
    let pooled = slot.session();
    hooks.after_release(&pooled.key, pooled.session.info())
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

const UNUSED: usize = 0;
const USED: usize = 1;
/// Not used, and more is to be given back than the slot.
const GUARDED: usize = 2;
/// No caller has it yet.
const UNCHECKED: usize = 3;
