//! The counts of the keys of an endpoint, side by side in memory.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// The counts of the keys of an endpoint, side by side in memory: so that a view of a hundred thousand
/// keys reads a few megabytes in a row, and visits no key.
#[derive(Default)]
pub(crate) struct Tallies(Mutex<Vec<Arc<Chunk>>>);

/// The tallies of some keys. Chunks double in size, so that an endpoint with few keys has a small one.
pub(crate) struct Chunk {
    cells: Box<[Cell]>,
    free: Mutex<Vec<u16>>,
}

/// The tally of a key. Written under its lock; the turns by the owner of the session taken around that.
///
/// What a hit changes comes first: in most cells it is in one line of memory.
#[derive(Default)]
#[repr(C)]
struct Cell {
    /// Counts how often a session was taken and given back around the lock. Odd while it is in use, though
    /// the packed ones have it as idle.
    turns: AtomicU64,
    last_used: AtomicU64,
    /// The [`Sessions`], packed, so that they are read as of one instant.
    sessions: AtomicU64,
    /// The key's name; 0 while the cell is free.
    name: AtomicU64,
    /// Those that are no turns.
    hits: AtomicU64,
    misses: AtomicU64,
    /// The slots in use beside one of each busy session: a hit of a session with one slot changes
    /// nothing here.
    further_slots: AtomicU64,
}

/// The cell of one key. Dropped, it is free for another.
pub(crate) struct Tally {
    chunk: Arc<Chunk>,
    index: u16,
}

/// How many sessions a key has in each state, and how many callers wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sessions {
    pub(crate) idle: usize,
    pub(crate) busy: usize,
    pub(crate) connecting: usize,
    pub(crate) waiting: usize,
}

/// The counts of a key as they are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TallyReading {
    pub(crate) name: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// In nanoseconds of the pool's clock.
    pub(crate) last_used: u64,
    pub(crate) sessions: Sessions,
    pub(crate) in_use: usize,
}

impl Tallies {
    /// A cell for a key of this name.
    pub(crate) fn open(&self, name: u64, now: u64) -> Tally {
        let mut chunks = self.lock();
        let free = chunks.iter().rev().find_map(Chunk::take);
        let tally = free.unwrap_or_else(|| {
            let size = chunks.last().map_or(FIRST, |last| 2 * last.cells.len());
            let chunk = Arc::new(Chunk::new(size.min(LARGEST)));
            chunks.push(Arc::clone(&chunk));
            Tally { chunk, index: 0 }
        });
        drop(chunks);
        let cell = tally.cell();
        cell.last_used.store(now, Relaxed);
        // The name is not 0, which marks a free cell.
        cell.name.store(name.max(1), Relaxed);
        tally
    }

    /// Calls `look` with the counts of each key.
    pub(crate) fn for_each(&self, mut look: impl FnMut(TallyReading)) {
        for chunk in self.chunks() {
            chunk.for_each(&mut look);
        }
    }

    /// The tallies in parts, for work that yields in between.
    pub(crate) fn chunks(&self) -> Vec<Arc<Chunk>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Chunk>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunk {
    /// A chunk whose first cell is taken.
    fn new(size: usize) -> Self {
        let others = (1..size)
            .rev()
            .filter_map(|index| u16::try_from(index).ok());
        Self {
            cells: (0..size).map(|_| Cell::default()).collect(),
            free: Mutex::new(others.collect()),
        }
    }

    /// Calls `look` with the counts of each key.
    pub(crate) fn for_each(&self, look: impl FnMut(TallyReading)) {
        self.cells.iter().filter_map(Cell::read).for_each(look);
    }

    fn take(self: &Arc<Self>) -> Option<Tally> {
        let index = self.free().pop()?;
        Some(Tally {
            chunk: Arc::clone(self),
            index,
        })
    }

    fn free(&self) -> MutexGuard<'_, Vec<u16>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cell {
    fn read(&self) -> Option<TallyReading> {
        let name = self.name.load(Relaxed);
        if name == 0 {
            return None;
        }
        let turns = self.turns.load(Relaxed);
        let sessions = Sessions::unpacked(self.sessions.load(Relaxed)).with_turn(turns);
        let further = usize::try_from(self.further_slots.load(Relaxed));
        Some(TallyReading {
            name,
            hits: self.hits.load(Relaxed) + turns.div_ceil(2),
            misses: self.misses.load(Relaxed),
            last_used: self.last_used.load(Relaxed),
            sessions,
            in_use: sessions.busy.saturating_add(further.unwrap_or(usize::MAX)),
        })
    }
}

impl Tally {
    /// A session was taken around the lock.
    #[inline(always)]
    pub(crate) fn begin_turn(&self) {
        let turns = &self.cell().turns;
        turns.store(turns.load(Relaxed) + 1, Relaxed);
    }

    /// The session is given back around the lock.
    #[inline(always)]
    pub(crate) fn end_turn(&self, last_used: u64) {
        let cell = self.cell();
        let before = cell.last_used.load(Relaxed);
        cell.last_used.store(before.max(last_used), Relaxed);
        cell.turns.store(cell.turns.load(Relaxed) + 1, Relaxed);
    }

    /// The session that was taken around the lock is given back under it; where it was no hit, as if never taken.
    pub(crate) fn settle_turn(&self, is_hit: bool) {
        let turns = &self.cell().turns;
        let count = turns.load(Relaxed);
        if count % 2 == 1 {
            turns.store(count - 1 + 2 * u64::from(is_hit), Relaxed);
        }
    }

    /// The hits around the lock, one whose turn is not over included.
    pub(crate) fn hits_of_turns(&self) -> u64 {
        self.cell().turns.load(Relaxed).div_ceil(2)
    }

    pub(crate) fn last_used(&self) -> u64 {
        self.cell().last_used.load(Relaxed)
    }

    /// An idle session was taken under the lock.
    #[inline]
    pub(crate) fn took_idle(&self, hits: u64) {
        let cell = self.cell();
        cell.hits.store(hits, Relaxed);
        let sessions = cell.sessions.load(Relaxed);
        cell.sessions.store(sessions + ONE_BUSY - ONE_IDLE, Relaxed);
    }

    /// A session became idle under the lock.
    #[inline]
    pub(crate) fn gave_back(&self, last_used: u64) {
        let cell = self.cell();
        cell.last_used.store(last_used, Relaxed);
        let sessions = cell.sessions.load(Relaxed);
        cell.sessions.store(sessions + ONE_IDLE - ONE_BUSY, Relaxed);
    }

    /// The number of callers that wait has changed, and nothing else.
    #[inline]
    pub(crate) fn set_waiting(&self, waiting: usize) {
        let sessions = &self.cell().sessions;
        let others = sessions.load(Relaxed) % ONE_WAITING;
        let waiting = ONE_WAITING * (waiting as u64).min(MOST_WAITING);
        sessions.store(others + waiting, Relaxed);
    }

    /// A slot went from one caller to one that waited.
    #[inline]
    pub(crate) fn passed_on(&self, [hits, misses]: [u64; 2], last_used: u64, waiting: usize) {
        let cell = self.cell();
        cell.hits.store(hits, Relaxed);
        cell.misses.store(misses, Relaxed);
        cell.last_used.store(last_used, Relaxed);
        self.set_waiting(waiting);
    }

    /// Sets everything but the name and the turns.
    pub(crate) fn set(&self, new: &TallyReading) {
        let cell = self.cell();
        cell.hits.store(new.hits, Relaxed);
        cell.misses.store(new.misses, Relaxed);
        cell.last_used.store(new.last_used, Relaxed);
        cell.sessions.store(new.sessions.packed(), Relaxed);
        let further = new.in_use.saturating_sub(new.sessions.busy);
        cell.further_slots.store(further as u64, Relaxed);
    }

    /// The key was removed: it is counted no more.
    pub(crate) fn clear(&self) {
        self.cell().name.store(0, Relaxed);
    }

    #[inline]
    fn cell(&self) -> &Cell {
        &self.chunk.cells[usize::from(self.index)]
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.clear();
        self.set(&TallyReading::default());
        self.cell().turns.store(0, Relaxed);
        self.chunk.free().push(self.index);
    }
}

impl Sessions {
    /// The sessions with one more in use, where the turn is not over.
    fn with_turn(mut self, turns: u64) -> Self {
        if turns % 2 == 1 && self.idle > 0 {
            self.idle -= 1;
            self.busy += 1;
        }
        self
    }

    /// More than a field has room for is shown as the most it has room for.
    fn packed(self) -> u64 {
        let field = |count: usize, one: u64, most: u64| one * (count as u64).min(most);
        field(self.idle, ONE_IDLE, MOST_SESSIONS)
            + field(self.busy, ONE_BUSY, MOST_SESSIONS)
            + field(self.connecting, ONE_CONNECTING, MOST_SESSIONS)
            + field(self.waiting, ONE_WAITING, MOST_WAITING)
    }

    fn unpacked(word: u64) -> Self {
        let field = |one: u64, most: u64| ((word / one) & most) as usize;
        Self {
            idle: field(ONE_IDLE, MOST_SESSIONS),
            busy: field(ONE_BUSY, MOST_SESSIONS),
            connecting: field(ONE_CONNECTING, MOST_SESSIONS),
            waiting: field(ONE_WAITING, MOST_WAITING),
        }
    }
}

/// The fields of the packed word, from the lowest bit.
const ONE_IDLE: u64 = 1;
const ONE_BUSY: u64 = 1 << 14;
const ONE_CONNECTING: u64 = 1 << 28;
const ONE_WAITING: u64 = 1 << 42;
const MOST_SESSIONS: u64 = (1 << 14) - 1;
const MOST_WAITING: u64 = (1 << 22) - 1;

/// The cells of the first chunk.
const FIRST: usize = 8;

/// A chunk of so many is 200 KB.
const LARGEST: usize = 4_096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn readings(tallies: &Tallies) -> Vec<TallyReading> {
        let mut all = Vec::new();
        tallies.for_each(|reading| all.push(reading));
        all
    }

    proptest! {
        #[test]
        fn counts_are_read_as_they_were_packed(
            idle in 0..16_384_usize, busy in 0..16_384_usize,
            connecting in 0..16_384_usize, waiting in 0..4_194_304_usize,
        ) {
            let sessions = Sessions { idle, busy, connecting, waiting };
            prop_assert_eq!(Sessions::unpacked(sessions.packed()), sessions);
        }
    }

    #[test]
    fn a_count_without_room_is_the_most_that_there_is_room_for() {
        let many = Sessions {
            idle: 1_000_000,
            busy: 3,
            connecting: 20_000,
            waiting: 100_000_000,
        };
        let shown = Sessions::unpacked(many.packed());
        assert_eq!((shown.idle, shown.busy), (16_383, 3));
        assert_eq!((shown.connecting, shown.waiting), (16_383, 4_194_303));
    }

    #[test]
    fn each_key_has_a_cell_until_its_tally_is_dropped_and_cells_are_used_again() {
        let tallies = Tallies::default();
        for _ in 0..3 {
            let open: Vec<_> = (0..5_000).map(|name| tallies.open(name, 7)).collect();
            let all = readings(&tallies);
            assert_eq!(all.len(), 5_000);
            assert!(
                all.iter()
                    .all(|tally| tally.last_used == 7 && tally.hits == 0)
            );
            open[17].set(&TallyReading {
                hits: 4,
                ..TallyReading::default()
            });
            let hits: u64 = readings(&tallies).iter().map(|tally| tally.hits).sum();
            assert_eq!(hits, 4);
            open[18].clear();
            assert_eq!(readings(&tallies).len(), 4_999);
        }
        assert!(readings(&tallies).is_empty());
        let cells: usize = tallies.lock().iter().map(|chunk| chunk.cells.len()).sum();
        assert!(cells <= 8_192 + 8, "{cells}");
    }

    #[test]
    fn a_hit_moves_one_session_from_idle_to_busy_and_back() {
        let tallies = Tallies::default();
        let tally = tallies.open(1, 0);
        tally.set(&TallyReading {
            sessions: Sessions {
                idle: 2,
                waiting: 1,
                ..Sessions::default()
            },
            ..TallyReading::default()
        });
        tally.took_idle(5);
        let taken = readings(&tallies)[0];
        assert_eq!((taken.sessions.idle, taken.sessions.busy), (1, 1));
        assert_eq!((taken.hits, taken.in_use), (5, 1));
        tally.gave_back(9);
        let back = readings(&tallies)[0];
        assert_eq!((back.sessions.idle, back.sessions.busy), (2, 0));
        assert_eq!((back.last_used, back.sessions.waiting), (9, 1));
    }

    #[test]
    fn a_turn_around_the_lock_moves_the_session_to_busy_and_back_and_is_a_hit() {
        let tallies = Tallies::default();
        let tally = tallies.open(1, 0);
        let shown = || {
            let reading = readings(&tallies)[0];
            let sessions = reading.sessions;
            (reading.hits, sessions.idle, sessions.busy, reading.in_use)
        };
        tally.set(&TallyReading {
            hits: 7,
            sessions: Sessions {
                idle: 1,
                ..Sessions::default()
            },
            ..TallyReading::default()
        });
        tally.begin_turn();
        assert_eq!(shown(), (8, 0, 1, 1));
        tally.end_turn(5);
        assert_eq!(shown(), (8, 1, 0, 0));
        tally.end_turn(4);
        assert_eq!((tally.last_used(), tally.hits_of_turns()), (5, 2));
        tally.settle_turn(false);
        assert_eq!(shown(), (8, 1, 0, 0), "the session was not handed out");
        tally.settle_turn(true);
        assert_eq!(shown(), (8, 1, 0, 0), "no turn is to be settled");
        tally.begin_turn();
        tally.settle_turn(true);
        assert_eq!(shown(), (9, 1, 0, 0));
        drop(tally);
        assert_eq!(tallies.open(2, 0).hits_of_turns(), 0);
    }

    #[test]
    fn a_slot_that_is_passed_on_changes_the_counts_of_hits_and_of_those_who_wait() {
        let tallies = Tallies::default();
        let tally = tallies.open(1, 0);
        let sessions = Sessions {
            idle: 1,
            busy: 3,
            connecting: 2,
            waiting: 5,
        };
        tally.set(&TallyReading {
            sessions,
            in_use: 4,
            ..TallyReading::default()
        });
        for waiting in [6, 4_194_303, 5_000_000, 0] {
            tally.set_waiting(waiting);
            let shown = readings(&tallies)[0].sessions;
            let waiting = waiting.min(4_194_303);
            assert_eq!(
                shown,
                Sessions {
                    waiting,
                    ..sessions
                }
            );
        }
        tally.passed_on([8, 2], 77, 4);
        let shown = readings(&tallies)[0];
        assert_eq!((shown.hits, shown.misses, shown.last_used), (8, 2, 77));
        assert_eq!((shown.in_use, shown.sessions.waiting), (4, 4));
    }
}
