//! A session inside the pool.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::time::Instant;

use super::{
    Bucket,
    slots::{Member, Slot},
};
use crate::{
    PoolKey,
    extend::{Era, Session},
    handler::Hearing,
    moment::Moment,
    pool::Place,
};

/// A session inside the pool.
pub(crate) struct Live {
    pub(crate) id: u64,
    pub(crate) key: PoolKey,
    /// The key's bucket, to be told when the session leaves it.
    pub(crate) bucket: Weak<Bucket>,
    pub(crate) session: Session,
    pub(crate) hearing: Arc<Hearing>,
    pub(crate) slots: u32,
    pub(crate) generation: u64,
    pub(crate) opened_at: Instant,
    pub(crate) ends_at: Moment,
    pub(crate) uses: AtomicU64,
    /// Whether it must prove that it is alive before it is handed out again.
    pub(crate) suspect: AtomicBool,
    /// Whether its closing has begun.
    pub(crate) closing: AtomicBool,
    /// Its place under `max_total_sessions`; given back when it leaves its key.
    place: Mutex<Option<Place>>,
}

/// What a new member is made of, besides its session.
pub(crate) struct NewLive {
    pub(crate) id: u64,
    pub(crate) key: PoolKey,
    pub(crate) hearing: Arc<Hearing>,
    pub(crate) bucket: Weak<Bucket>,
    pub(crate) slots: u32,
    pub(crate) generation: u64,
    pub(crate) opened_at: Instant,
    pub(crate) ends_at: Moment,
    pub(crate) place: Place,
}

/// A slot of a session.
pub(crate) type LiveSlot = Slot<Arc<Live>, Moment>;

impl Live {
    pub(crate) fn new(session: Session, new: NewLive) -> Self {
        Self {
            id: new.id,
            key: new.key,
            hearing: new.hearing,
            bucket: new.bucket,
            slots: session.info().max_concurrent.unwrap_or(new.slots).max(1),
            generation: new.generation,
            opened_at: new.opened_at,
            ends_at: new.ends_at,
            uses: AtomicU64::new(0),
            suspect: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            place: Mutex::new(Some(new.place)),
            session,
        }
    }

    /// Counts one more use. Whoever calls this holds a slot of the session.
    pub(crate) fn note_use(&self) {
        if self.slots == 1 {
            // Nobody else counts: the slot went from hand to hand through the key's lock.
            let uses = self.uses.load(Ordering::Relaxed);
            self.uses.store(uses + 1, Ordering::Relaxed);
        } else {
            self.uses.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives its place back, once it has left its key.
    pub(crate) fn give_up_place(&self) {
        if let Some(bucket) = self.bucket.upgrade() {
            bucket.chronicle.note_closed(self.id);
        }
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        drop(place.take());
    }
}

impl Member for Arc<Live> {
    fn id(&self) -> u64 {
        self.id
    }

    fn slots(&self) -> u32 {
        self.slots
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn suffices(&self) -> bool {
        self.session.info().era == Era::Stateless
    }
}
