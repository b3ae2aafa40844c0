//! A limit over all keys: so many places, and a line of those who lack one.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::oneshot;

/// So many places, and a line of those who lack one. A place that is given back goes to the first in
/// line; it is free only while nobody stands there.
pub(crate) struct Limit {
    max: usize,
    state: Mutex<State>,
    /// The length of the line. Written under the lock, so that asking for it takes none.
    lacking: AtomicUsize,
    /// Whether nobody has a place to spare. Holds until the line is empty.
    short: AtomicBool,
}

#[derive(Default)]
struct State {
    taken: usize,
    line: VecDeque<Standing>,
    next_id: u64,
    closed: bool,
}

/// Somebody in line.
struct Standing {
    id: u64,
    door: oneshot::Sender<Place>,
    still_wanted: StillWanted,
}

/// Whether somebody in line still has a use for a place.
pub(crate) type StillWanted = Arc<dyn Fn() -> bool + Send + Sync>;

/// A place under a limit. Dropped, it goes to the first in line.
pub(crate) struct Place(Option<Arc<Limit>>);

/// A stand in the line for a place; given up by being dropped, and a place that was on its way with
/// it.
pub(crate) struct InLine {
    limit: Arc<Limit>,
    id: u64,
    door: oneshot::Receiver<Place>,
}

impl Limit {
    /// `max` 0 means no limit.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max: if max == 0 { usize::MAX } else { max },
            state: Mutex::default(),
            lacking: AtomicUsize::new(0),
            short: AtomicBool::new(false),
        })
    }

    /// A place, or a stand in line for one.
    pub(crate) fn ask(self: &Arc<Self>, still_wanted: StillWanted) -> Result<Place, InLine> {
        let mut state = self.lock();
        if state.taken < self.max && !state.closed {
            state.taken += 1;
            return Ok(Place(Some(Arc::clone(self))));
        }
        let (sender, door) = oneshot::channel();
        let id = state.next_id;
        state.next_id += 1;
        if !state.closed {
            state.line.push_back(Standing {
                id,
                door: sender,
                still_wanted,
            });
            self.note_length(&state);
        }
        drop(state);
        Err(InLine {
            limit: Arc::clone(self),
            id,
            door,
        })
    }

    /// Whether anybody lacks a place, besides those to whom one is on its way.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.lacking.load(Ordering::Relaxed) > 0
    }

    /// Whether somebody lacks a place, and nobody had one to spare when everybody was asked: then
    /// whatever comes free next is theirs.
    pub(crate) fn is_short(&self) -> bool {
        self.short.load(Ordering::Acquire)
    }

    /// Notes that nobody is going to have a place to spare, for as long as somebody lacks one.
    /// Whoever says so asks everybody once more afterwards.
    pub(crate) fn note_short(&self) {
        let state = self.lock();
        self.short.store(!state.line.is_empty(), Ordering::Release);
    }

    /// How many places are taken, or on their way to somebody.
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// Takes those out of the line who have no use for a place any more.
    pub(crate) fn send_away_unwanting(&self) {
        // Asked outside of the lock: whoever answers may take one of its own.
        let asked: Vec<_> = self
            .lock()
            .line
            .iter()
            .map(|standing| (standing.id, Arc::clone(&standing.still_wanted)))
            .collect();
        for (id, still_wanted) in asked {
            if !still_wanted() {
                self.leave(id);
            }
        }
    }

    /// Whether the first in line has a use for a place; whoever stands before and has none is sent
    /// away.
    pub(crate) fn is_wanted_by_first(&self) -> bool {
        loop {
            let state = self.lock();
            let Some(first) = state.line.front() else {
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

    /// Sends everybody away, and whoever comes later. Returns how many stood in line.
    pub(crate) fn close(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let line = std::mem::take(&mut state.line);
        self.note_length(&state);
        drop(state);
        line.len()
    }

    fn leave(&self, id: u64) {
        let mut state = self.lock();
        let index = state.line.iter().position(|standing| standing.id == id);
        let left = index.and_then(|index| state.line.remove(index));
        self.note_length(&state);
        drop(state);
        drop(left);
    }

    /// Gives a place to the first in line, or frees it.
    fn pass_on(self: &Arc<Self>, mut place: Place) {
        while let Some(door) = self.next_door() {
            match door.send(place) {
                Ok(()) => return,
                // Left at this very moment.
                Err(back) => place = back,
            }
        }
        place.0 = None;
    }

    /// The door of the first in line; or else there is a free place more.
    fn next_door(&self) -> Option<oneshot::Sender<Place>> {
        let mut state = self.lock();
        let first = state.line.pop_front();
        if first.is_none() {
            state.taken -= 1;
        }
        self.note_length(&state);
        // What else it held is dropped outside of the lock: it may hold a place itself.
        drop(state);
        first.map(|first| first.door)
    }

    fn note_length(&self, state: &State) {
        self.lacking.store(state.line.len(), Ordering::Relaxed);
        if state.line.is_empty() {
            self.short.store(false, Ordering::Release);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InLine {
    /// Waits for the place. `None` for whoever was sent away.
    pub(crate) async fn stand(mut self) -> Option<Place> {
        (&mut self.door).await.ok()
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        self.limit.leave(self.id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(limit) = self.0.take() {
            limit.pass_on(Self(Some(Arc::clone(&limit))));
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

    fn place(limit: &Arc<Limit>) -> Place {
        limit.ask(always()).ok().expect("a free place")
    }

    fn in_line(limit: &Arc<Limit>) -> InLine {
        limit.ask(always()).err().expect("every place is taken")
    }

    #[tokio::test]
    async fn a_place_goes_to_the_first_in_line_and_is_free_when_nobody_is() {
        let limit = Limit::new(1);
        let place = place(&limit);
        let (first, second) = (in_line(&limit), in_line(&limit));
        drop(place);
        assert!(limit.is_wanted(), "one of the two lacks a place");
        assert_eq!(limit.taken(), 1);
        let mut second = pin!(second.stand());
        assert!(poll!(second.as_mut()).is_pending());
        drop(first.stand().await.expect("the place"));
        assert!(!limit.is_wanted());
        drop(second.await.expect("the place"));
        assert_eq!(limit.taken(), 0);
    }

    #[tokio::test]
    async fn a_place_on_its_way_to_whoever_leaves_goes_to_the_next() {
        let limit = Limit::new(1);
        let place = place(&limit);
        let (first, second) = (in_line(&limit), in_line(&limit));
        drop(place);
        drop(first);
        drop(second.stand().await.expect("the place"));
        assert_eq!(limit.taken(), 0);
    }

    #[tokio::test]
    async fn whoever_has_no_use_for_a_place_is_sent_away() {
        let limit = Limit::new(1);
        let _place = place(&limit);
        let wanted = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&wanted);
        let fickle = limit.ask(Arc::new(move || asked.load(Ordering::Relaxed)));
        let mut fickle = pin!(fickle.err().expect("every place is taken").stand());
        limit.send_away_unwanting();
        assert!(poll!(fickle.as_mut()).is_pending());
        wanted.store(false, Ordering::Relaxed);
        limit.send_away_unwanting();
        assert!(fickle.await.is_none());
        assert!(!limit.is_wanted());
    }

    #[tokio::test]
    async fn a_closed_limit_sends_everybody_away() {
        let limit = Limit::new(1);
        let place = place(&limit);
        let early = in_line(&limit);
        assert_eq!(limit.close(), 1);
        assert!(early.stand().await.is_none());
        drop(place);
        assert_eq!(limit.taken(), 0);
        assert!(in_line(&limit).stand().await.is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_place_is_lost_or_made_whoever_comes_and_goes() {
        const MAX: usize = 3;
        let limit = Limit::new(MAX);
        let holders = Arc::new(AtomicUsize::new(0));
        let comers = (0..8u32).map(|comer| {
            let (limit, holders) = (Arc::clone(&limit), Arc::clone(&holders));
            tokio::spawn(async move {
                for round in 0..2_000u32 {
                    let place = match limit.ask(always()) {
                        Ok(place) => place,
                        // Gone again before it came, in any state of its coming.
                        Err(line) if (comer + round) % 3 == 0 => {
                            tokio::task::yield_now().await;
                            drop(line);
                            continue;
                        }
                        Err(line) => line.stand().await.expect("a place"),
                    };
                    let held = holders.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(held <= MAX, "{held}");
                    if round % 2 == 0 {
                        tokio::task::yield_now().await;
                    }
                    holders.fetch_sub(1, Ordering::SeqCst);
                    drop(place);
                }
            })
        });
        for comer in comers.collect::<Vec<_>>() {
            comer.await.expect("nobody panics or waits for ever");
        }
        assert_eq!((limit.taken(), limit.is_wanted()), (0, false));
    }
}
