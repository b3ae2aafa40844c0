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
    /// How many places were made free for them and have not reached them yet.
    promised: AtomicUsize,
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
            promised: AtomicUsize::new(0),
        }
    }

    /// A place, if there is one free.
    pub(crate) fn try_place(&self, of: Scarce) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.limit(of).places).try_acquire_owned().ok();
        if place.is_some() {
            // It may be one that was made free for somebody who has not come to stand in line yet.
            self.withdraw();
        }
        place
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
        Waiting(self)
    }

    /// Whether somebody waits for a place. Whoever makes a session idle asks afterwards; whoever
    /// waits says so before looking at the idle ones under their keys' locks. One of the two sees
    /// the other.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether more wait than there are places free, or on their way to those who wait.
    pub(crate) fn is_short(&self) -> bool {
        let free = self.free(Scarce::Sessions).min(self.free(Scarce::Keys));
        self.waiting.load(Ordering::SeqCst) > free + self.promised.load(Ordering::SeqCst)
    }

    /// A place is about to be made free for somebody who waits.
    pub(crate) fn promise(&self) {
        self.promised.fetch_add(1, Ordering::SeqCst);
    }

    /// It was not made free after all, or it has reached whoever waited.
    pub(crate) fn withdraw(&self) {
        let keep = |promised: usize| promised.checked_sub(1);
        // None left: the place came from somebody who gave it back unasked.
        let _ = self
            .promised
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, keep);
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
pub(crate) struct Waiting<'a>(&'a Capacity);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.withdraw();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_on_its_way_to_a_waiter_is_not_made_free_twice() {
        let capacity = Capacity::new(1, 0);
        let taken = capacity.try_place(Scarce::Sessions);
        let waiting = capacity.wait();
        let place = capacity.place(Scarce::Sessions);
        let mut place = std::pin::pin!(place);
        assert!(futures::poll!(place.as_mut()).is_pending());
        assert!(capacity.is_short());
        capacity.promise();
        drop(taken);
        // The place belongs to the waiter already, who has not run yet.
        assert!(!capacity.is_short());
        let _place = place.await;
        drop(waiting);
        let _another = capacity.wait();
        assert!(capacity.is_short());
    }
}
