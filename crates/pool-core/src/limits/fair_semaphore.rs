//! A fair semaphore: permits, and a queue of those who wait for one.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::oneshot;

/// A fair semaphore. A released permit goes to the first waiter; it is free only while the queue is
/// empty, or while more permits are taken than the limit allows.
pub(crate) struct FairSemaphore {
    state: Mutex<State>,
    /// How many permits are wanted back: the length of the queue and the surplus. Written under the
    /// lock and read without it.
    wanted: AtomicUsize,
    /// True while more permits are taken than the limit allows. Written under the lock and read
    /// without it.
    surplus: AtomicBool,
    /// True while no key has an idle session to reclaim. Reset when no permit is wanted.
    exhausted: AtomicBool,
}

struct State {
    max: usize,
    taken: usize,
    queue: VecDeque<QueuedWaiter>,
    next_id: u64,
    closed: bool,
}

/// A waiter in the queue.
struct QueuedWaiter {
    id: u64,
    sender: oneshot::Sender<Permit>,
    still_wanted: StillWanted,
}

/// True while a queued waiter still needs a permit.
pub(crate) type StillWanted = Arc<dyn Fn() -> bool + Send + Sync>;

/// A permit. Dropped, it goes to the first waiter.
pub(crate) struct Permit(Option<Arc<FairSemaphore>>);

/// A wait for a permit. Dropped, it leaves the queue, and a permit on its way goes to the next
/// waiter.
pub(crate) struct PermitWaiter {
    semaphore: Arc<FairSemaphore>,
    id: u64,
    receiver: oneshot::Receiver<Permit>,
}

impl FairSemaphore {
    /// `max` 0 means no limit.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        let state = State {
            max: limit(max),
            taken: 0,
            queue: VecDeque::new(),
            next_id: 0,
            closed: false,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            wanted: AtomicUsize::new(0),
            surplus: AtomicBool::new(false),
            exhausted: AtomicBool::new(false),
        })
    }

    /// Changes the limit; 0 means none. A higher one gives permits to the first waiters. Under a lower
    /// one no holder loses its permit: released permits are free until the limit is kept.
    pub(crate) fn resize(self: &Arc<Self>, max: usize) {
        let mut served = Vec::new();
        let mut state = self.lock();
        state.max = limit(max);
        while state.taken < state.max
            && let Some(first) = state.queue.pop_front()
        {
            state.taken += 1;
            served.push(first);
        }
        self.publish(&state);
        drop(state);
        for waiter in served {
            // The permit of a waiter that left is dropped, and so goes to the next one.
            let _ = waiter.sender.send(Permit(Some(Arc::clone(self))));
        }
    }

    /// A permit, or a wait for one.
    pub(crate) fn acquire(
        self: &Arc<Self>,
        still_wanted: StillWanted,
    ) -> Result<Permit, PermitWaiter> {
        let mut state = self.lock();
        if state.taken < state.max && !state.closed {
            state.taken += 1;
            return Ok(Permit(Some(Arc::clone(self))));
        }
        let (sender, receiver) = oneshot::channel();
        let id = state.next_id;
        state.next_id += 1;
        if !state.closed {
            state.queue.push_back(QueuedWaiter {
                id,
                sender,
                still_wanted,
            });
            self.publish(&state);
        }
        drop(state);
        Err(PermitWaiter {
            semaphore: Arc::clone(self),
            id,
            receiver,
        })
    }

    /// True while a permit is wanted back: for a waiter that has none on its way, or since more are
    /// taken than the limit allows.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// True while more permits are taken than the limit allows.
    #[inline]
    pub(crate) fn has_surplus(&self) -> bool {
        self.surplus.load(Ordering::Relaxed)
    }

    /// True while the queue is not empty.
    pub(crate) fn has_waiters(&self) -> bool {
        !self.lock().queue.is_empty()
    }

    /// True while a permit is wanted and no key has an idle session: the next released session gives
    /// its permit back.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Acquire)
    }

    /// Sets the exhausted flag while a permit is wanted. The caller scans the keys once more
    /// afterwards.
    pub(crate) fn set_exhausted(&self) {
        let state = self.lock();
        self.exhausted.store(state.wanted() > 0, Ordering::Release);
    }

    /// How many permits are taken, or on their way to a waiter.
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// Takes those out of the queue that need no permit any more.
    pub(crate) fn drop_satisfied_waiters(&self) {
        // The check runs outside of the lock: it may take a lock of its own.
        let asked: Vec<_> = self
            .lock()
            .queue
            .iter()
            .map(|waiter| (waiter.id, Arc::clone(&waiter.still_wanted)))
            .collect();
        for (id, still_wanted) in asked {
            if !still_wanted() {
                self.leave(id);
            }
        }
    }

    /// True when there is a surplus, or the first waiter still needs a permit. Waiters before it that
    /// need none leave the queue.
    pub(crate) fn is_still_wanted(&self) -> bool {
        loop {
            let state = self.lock();
            if state.surplus() > 0 {
                return true;
            }
            let Some(first) = state.queue.front() else {
                return false;
            };
            let (id, still_wanted) = (first.id, Arc::clone(&first.still_wanted));
            drop(state);
            if still_wanted() {
                return true;
            }
            self.leave(id);
        }
    }

    /// Closes the semaphore: every waiter gets `None`, now and later. Returns the length of the
    /// queue.
    pub(crate) fn close(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let line = std::mem::take(&mut state.queue);
        self.publish(&state);
        drop(state);
        line.len()
    }

    fn leave(&self, id: u64) {
        let mut state = self.lock();
        let index = state.queue.iter().position(|waiter| waiter.id == id);
        let left = index.and_then(|index| state.queue.remove(index));
        self.publish(&state);
        drop(state);
        drop(left);
    }

    /// Gives a permit to the first waiter, or frees it.
    fn pass_on(self: &Arc<Self>, mut permit: Permit) {
        while let Some(sender) = self.next_sender() {
            match sender.send(permit) {
                Ok(()) => return,
                // Left at this very moment.
                Err(back) => permit = back,
            }
        }
        permit.0 = None;
    }

    /// The sender of the first waiter; `None` when the permit becomes free.
    fn next_sender(&self) -> Option<oneshot::Sender<Permit>> {
        let mut state = self.lock();
        let first = match state.surplus() {
            0 => state.queue.pop_front(),
            _ => None,
        };
        if first.is_none() {
            state.taken -= 1;
        }
        self.publish(&state);
        // What else it held is dropped outside of the lock: it may hold a permit itself.
        drop(state);
        first.map(|first| first.sender)
    }

    /// Writes what is read without the lock.
    fn publish(&self, state: &State) {
        self.wanted.store(state.wanted(), Ordering::Relaxed);
        self.surplus.store(state.surplus() > 0, Ordering::Relaxed);
        if state.wanted() == 0 {
            self.exhausted.store(false, Ordering::Release);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many permits are taken above the limit.
    fn surplus(&self) -> usize {
        self.taken.saturating_sub(self.max)
    }

    fn wanted(&self) -> usize {
        self.queue.len() + self.surplus()
    }
}

fn limit(max: usize) -> usize {
    if max == 0 { usize::MAX } else { max }
}

impl PermitWaiter {
    /// Waits for the permit. `None` when the semaphore was closed or the permit is not needed any
    /// more.
    pub(crate) async fn wait(mut self) -> Option<Permit> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for PermitWaiter {
    fn drop(&mut self) {
        self.semaphore.leave(self.id);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(semaphore) = self.0.take() {
            semaphore.pass_on(Self(Some(Arc::clone(&semaphore))));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, sync::atomic::AtomicBool};

    use futures::poll;

    use super::*;

    fn always() -> StillWanted {
        Arc::new(|| true)
    }

    fn permit(semaphore: &Arc<FairSemaphore>) -> Permit {
        semaphore.acquire(always()).ok().expect("a free permit")
    }

    fn queued(semaphore: &Arc<FairSemaphore>) -> PermitWaiter {
        semaphore
            .acquire(always())
            .err()
            .expect("every permit is taken")
    }

    #[tokio::test]
    async fn a_permit_goes_to_the_first_waiter_and_is_free_without_one() {
        let semaphore = FairSemaphore::new(1);
        let permit = permit(&semaphore);
        let (first, second) = (queued(&semaphore), queued(&semaphore));
        drop(permit);
        assert!(semaphore.is_wanted(), "one of the two lacks a permit");
        assert_eq!(semaphore.taken(), 1);
        let mut second = pin!(second.wait());
        assert!(poll!(second.as_mut()).is_pending());
        drop(first.wait().await.expect("the permit"));
        assert!(!semaphore.is_wanted());
        drop(second.await.expect("the permit"));
        assert_eq!(semaphore.taken(), 0);
    }

    #[tokio::test]
    async fn a_permit_on_its_way_to_a_waiter_that_leaves_goes_to_the_next() {
        let semaphore = FairSemaphore::new(1);
        let permit = permit(&semaphore);
        let (first, second) = (queued(&semaphore), queued(&semaphore));
        drop(permit);
        drop(first);
        drop(second.wait().await.expect("the permit"));
        assert_eq!(semaphore.taken(), 0);
    }

    #[tokio::test]
    async fn a_waiter_that_needs_no_permit_any_more_leaves_the_queue() {
        let semaphore = FairSemaphore::new(1);
        let _place = permit(&semaphore);
        let wanted = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&wanted);
        let fickle = semaphore.acquire(Arc::new(move || asked.load(Ordering::Relaxed)));
        let mut fickle = pin!(fickle.err().expect("every permit is taken").wait());
        semaphore.drop_satisfied_waiters();
        assert!(poll!(fickle.as_mut()).is_pending());
        wanted.store(false, Ordering::Relaxed);
        semaphore.drop_satisfied_waiters();
        assert!(fickle.await.is_none());
        assert!(!semaphore.is_wanted());
    }

    #[tokio::test]
    async fn a_closed_semaphore_ends_every_wait() {
        let semaphore = FairSemaphore::new(1);
        let permit = permit(&semaphore);
        let early = queued(&semaphore);
        assert_eq!(semaphore.close(), 1);
        assert!(early.wait().await.is_none());
        drop(permit);
        assert_eq!(semaphore.taken(), 0);
        assert!(queued(&semaphore).wait().await.is_none());
    }

    #[tokio::test]
    async fn a_higher_limit_serves_the_first_waiters_in_order() {
        let semaphore = FairSemaphore::new(1);
        let _held = permit(&semaphore);
        let waiters = [(); 4].map(|()| queued(&semaphore));
        let [first, gone, second, third] = waiters.map(|waiter| Box::pin(waiter.wait()));
        drop(gone);
        semaphore.resize(3);
        let (first, second) = (first.await, second.await);
        assert!(first.is_some() && second.is_some());
        let mut third = third;
        assert!(poll!(third.as_mut()).is_pending());
        assert!(semaphore.has_waiters() && semaphore.is_wanted());
        semaphore.resize(0);
        assert!(third.await.is_some());
        assert!(!semaphore.is_wanted());
    }

    #[tokio::test]
    async fn under_a_lower_limit_released_permits_reach_no_waiter_until_it_is_kept() {
        let semaphore = FairSemaphore::new(3);
        let mut held = vec![(); 3].into_iter().map(|()| permit(&semaphore));
        let held = [held.next(), held.next(), held.next()];
        semaphore.resize(1);
        assert!(semaphore.has_surplus() && semaphore.is_wanted() && !semaphore.has_waiters());
        assert!(semaphore.is_still_wanted());
        let mut waiter = pin!(queued(&semaphore).wait());
        let [one, two, three] = held;
        drop(one);
        assert!(semaphore.has_surplus());
        drop(two);
        assert!(!semaphore.has_surplus());
        assert!(poll!(waiter.as_mut()).is_pending());
        drop(three);
        assert!(waiter.await.is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_permit_is_lost_or_made_while_waiters_come_and_leave() {
        const MAX: usize = 3;
        let semaphore = FairSemaphore::new(MAX);
        let holders = Arc::new(AtomicUsize::new(0));
        let callers = (0..8u32).map(|caller| {
            let (semaphore, holders) = (Arc::clone(&semaphore), Arc::clone(&holders));
            tokio::spawn(async move {
                for round in 0..2_000u32 {
                    let permit = match semaphore.acquire(always()) {
                        Ok(permit) => permit,
                        // Gone again before it came, in any state of its coming.
                        Err(line) if (caller + round) % 3 == 0 => {
                            tokio::task::yield_now().await;
                            drop(line);
                            continue;
                        }
                        Err(line) => line.wait().await.expect("a permit"),
                    };
                    let held = holders.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(held <= MAX, "{held}");
                    if round % 2 == 0 {
                        tokio::task::yield_now().await;
                    }
                    holders.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("nobody panics or waits for ever");
        }
        assert_eq!((semaphore.taken(), semaphore.is_wanted()), (0, false));
    }
}
