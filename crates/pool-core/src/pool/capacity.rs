//! The limits over all keys.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The limits over all keys. A place is a value that is given back by being dropped.
pub(crate) struct Capacity {
    sessions: Limit,
    keys: Limit,
    /// How many wait for a place.
    waiting: AtomicUsize,
}

struct Limit {
    max: usize,
    places: Arc<Semaphore>,
}

/// Of what there is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scarce {
    Sessions,
    Keys,
}

impl Capacity {
    /// 0 means no limit.
    pub(crate) fn new(max_sessions: usize, max_keys: usize) -> Self {
        Self {
            sessions: Limit::new(max_sessions),
            keys: Limit::new(max_keys),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A place, if there is one free.
    pub(crate) fn try_place(&self, of: Scarce) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.limit(of).places).try_acquire_owned().ok()
    }

    /// A place, as soon as there is one free; in the order in which they were asked for.
    pub(crate) async fn place(&self, of: Scarce) -> OwnedSemaphorePermit {
        let places = Arc::clone(&self.limit(of).places);
        places
            .acquire_owned()
            .await
            .expect("the semaphore is never closed")
    }

    /// Says that somebody waits, for as long as the value lives.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiting(&self.waiting)
    }

    /// Whether somebody waits for a place. Whoever makes a session idle asks afterwards; whoever
    /// waits says so before looking at the idle ones under their keys' locks. One of the two sees
    /// the other.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether more wait than there are places free.
    pub(crate) fn is_short(&self) -> bool {
        let free = self.free(Scarce::Sessions).min(self.free(Scarce::Keys));
        self.waiting.load(Ordering::SeqCst) > free
    }

    pub(crate) fn free(&self, of: Scarce) -> usize {
        self.limit(of).places.available_permits()
    }

    /// How many places are taken.
    pub(crate) fn taken(&self, of: Scarce) -> usize {
        let limit = self.limit(of);
        limit.max - limit.places.available_permits()
    }

    fn limit(&self, of: Scarce) -> &Limit {
        match of {
            Scarce::Sessions => &self.sessions,
            Scarce::Keys => &self.keys,
        }
    }
}

/// Somebody waits for a place.
pub(crate) struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Limit {
    fn new(max: usize) -> Self {
        let max = match max {
            0 => Semaphore::MAX_PERMITS,
            max => max.min(Semaphore::MAX_PERMITS),
        };
        Self {
            max,
            places: Arc::new(Semaphore::new(max)),
        }
    }
}
