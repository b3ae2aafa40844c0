//! A session inside the pool.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Semaphore, time::Instant};

use super::history::{HasHistory, History};
use crate::{
    extend::{Session, SessionInfo, SlotsByEra},
    handler::{HandlerProxy, LogLevelCell},
    key::{
        seeking::{SessionPermit, SessionSeeker},
        slots::{FORFEITED, Member, Slot},
    },
    limits::{Seats, SharedLimit, Turn},
    time::Timestamp,
    types::{Era, PoolKey, Scope},
    upstream::SessionIdClaim,
};

/// A session inside the pool.
///
/// What a hit needs comes first, side by side in memory.
#[repr(C)]
pub(crate) struct PooledSession {
    /// How many calls it serves at the same time.
    slots: u32,
    /// True when it is all that its key needs.
    suffices: bool,
    /// True while the session must pass a check before it is handed out again.
    pub(crate) suspect: AtomicBool,
    /// True once its transport has reported its end.
    ended: AtomicBool,
    /// Calls in a row that the server refused as if it did not know the session.
    pub(crate) strikes: AtomicU8,
    /// Written under the lock of the key.
    generation: AtomicU64,
    pub(crate) ends_at: Timestamp,
    uses: AtomicU64,
    pub(crate) session: Session,
    closing: AtomicBool,
    /// The level of the log that the pool has set on the session.
    pub(crate) log_level: LogLevelCell,
    pub(crate) id: u64,
    pub(crate) key: PoolKey,
    pub(crate) proxy: Arc<HandlerProxy>,
    /// The key, whose history lists the sessions that are open. A key that is gone needs none.
    owner: Weak<dyn HasHistory>,
    /// The permit under `max_total_sessions`; released when the session leaves its key.
    permit: Mutex<Option<SessionPermit>>,
    /// The permits for farewells of its endpoint.
    pub(crate) farewells: Arc<Semaphore>,
    /// How long it serves its key while others wait.
    turn: Turn,
    /// Released with the session, after its farewell.
    _claim: Option<SessionIdClaim>,
}

/// What a pooled session is made of besides its session.
pub(crate) struct NewSession {
    pub(crate) id: u64,
    pub(crate) key: PoolKey,
    pub(crate) proxy: Arc<HandlerProxy>,
    pub(crate) claim: Option<SessionIdClaim>,
    pub(crate) owner: Weak<dyn HasHistory>,
    pub(crate) sharing: Sharing,
    pub(crate) generation: u64,
    pub(crate) opened_at: Instant,
    pub(crate) ends_at: Timestamp,
    pub(crate) permit: SessionPermit,
    pub(crate) opening: Duration,
    pub(crate) farewells: Arc<Semaphore>,
}

/// How the calls of a key share a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sharing {
    /// How many calls the session serves at the same time.
    pub(crate) slots: u32,
    /// True when the session is all that its key needs.
    pub(crate) suffices: bool,
}

impl Sharing {
    /// One call, and a session of its own for the next one.
    pub(crate) const NONE: Self = Self {
        slots: 1,
        suffices: false,
    };

    /// The sharing of a session that is reused. Its transport knows the slots better than the
    /// configuration does.
    pub(crate) fn of(info: &SessionInfo, slots: SlotsByEra) -> Self {
        let own = info.max_concurrent;
        Self {
            slots: own.unwrap_or_else(|| slots.of(info.era)).max(1),
            suffices: info.era == Era::Stateless,
        }
    }
}

/// A slot of a pooled session.
pub(crate) type SessionSlot = Slot<Arc<PooledSession>, Timestamp>;

impl PooledSession {
    pub(crate) fn new(session: Session, new: NewSession) -> Self {
        Self {
            id: new.id,
            key: new.key,
            proxy: new.proxy,
            slots: new.sharing.slots,
            suffices: new.sharing.suffices,
            generation: AtomicU64::new(new.generation),
            ends_at: new.ends_at,
            suspect: AtomicBool::new(false),
            strikes: AtomicU8::new(0),
            log_level: LogLevelCell::default(),
            uses: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            owner: new.owner,
            permit: Mutex::new(Some(new.permit)),
            turn: Turn::new(new.opened_at, new.opening),
            farewells: new.farewells,
            _claim: new.claim,
            session,
        }
    }

    /// Notes that the transport has reported the session's end.
    pub(crate) fn note_ended(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// True once the transport has reported the session's end.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// True when the session is known to be over.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.has_ended() || self.session.driver().is_over()
    }

    /// True once the session has served its key for so long that opening another one in its place costs
    /// little beside that.
    pub(crate) fn is_turn_over(&self) -> bool {
        self.turn.is_over(Instant::now())
    }

    /// When the session was opened.
    pub(crate) fn opened_at(&self) -> Instant {
        self.turn.began()
    }

    /// How long it took to open the session.
    pub(crate) fn opening(&self) -> Duration {
        self.turn.opening()
    }

    /// Until when the session, which is idle, is kept for a key whose callers come back at once; `None`
    /// once it is kept no longer.
    pub(crate) fn kept_until(&self, now: Instant) -> Option<Instant> {
        self.turn.kept_until(self.uses(), now)
    }

    /// The generation of the key in which the session was opened.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// How many calls the session serves at the same time.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// How often the session was handed out.
    pub(crate) fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Counts one more use. The caller holds a slot of the session.
    pub(crate) fn count_use(&self) {
        if self.slots == 1 {
            // No other thread counts: the slot goes from owner to owner through the key's lock or its cell.
            let uses = self.uses.load(Ordering::Relaxed);
            self.uses.store(uses + 1, Ordering::Relaxed);
        } else {
            self.uses.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// True where the server keeps state for a conversation that is lost with the session.
    pub(crate) fn has_state_of_conversation(&self) -> bool {
        matches!(self.key.scope(), Scope::Conversation(_)) && self.session.info().era == Era::Legacy
    }

    /// Keeps in mind that the session was lost with the state of its conversation.
    pub(crate) fn note_lost(&self) {
        if self.has_state_of_conversation() && self.uses() > 0 {
            self.with_history(History::note_lost);
        }
    }

    /// Counts the session under quotas that were set after its permit was granted.
    pub(crate) fn join_quotas(&self, limit: &SharedLimit<SessionSeeker>, seats: &Seats) {
        let mut permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(permit) = &mut *permit {
            limit.adopt(permit, seats);
        }
    }

    /// Begins closing, after the session has left its key, and releases the permit. `false` when
    /// closing began before.
    pub(crate) fn begin_close(&self) -> bool {
        if self.closing.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.with_history(|history| history.session_closed(self.id));
        let mut permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        drop(permit.take());
        self.proxy.close();
        true
    }

    fn with_history(&self, note: impl FnOnce(&History)) {
        if let Some(owner) = self.owner.upgrade() {
            note(owner.history());
        }
    }
}

impl Member for Arc<PooledSession> {
    fn id(&self) -> u64 {
        self.id
    }

    fn slots(&self) -> u32 {
        self.slots
    }

    fn generation(&self) -> u64 {
        self.as_ref().generation()
    }

    fn suffices(&self) -> bool {
        self.suffices
    }

    fn forfeit(&self) {
        self.generation.store(FORFEITED, Ordering::Relaxed);
    }
}
