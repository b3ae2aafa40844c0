//! The state machine of a key under a model checker: every interleaving of acquire, release,
//! evict and close that loom can find, up to a bound on preemptions.
//!
//! The source is the crate's own; only its lock is loom's.

#[path = "../src/key/slots/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the model uses a part of it"
)]
mod slots;

/// loom's lock in place of the crate's own.
mod sync {
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex
            .lock()
            .expect("no thread of a model panics while it holds the lock")
    }
}

use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use slots::{
    Blame, Enqueued, Fate, Likely, Member, QueuePosition, ReleaseOutcome, Slot, Slots, Taken,
};

/// A session of the model.
#[derive(Clone, Debug)]
struct Session {
    id: u64,
    slots: u32,
    generation: u64,
    suffices: bool,
}

impl Member for Session {
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
        self.suffices
    }
}

/// A waiter of the model: a box that a slot is put into, unless the waiter has left.
#[derive(Clone)]
struct Waiter(Arc<Mutex<Door>>);

enum Door {
    Open,
    Served(Slot<Session, u64>),
    Failed,
    Left,
}

impl Waiter {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Door::Open)))
    }

    fn give(&self, slot: Slot<Session, u64>) -> Result<(), Slot<Session, u64>> {
        let mut door = sync::lock(&self.0);
        match *door {
            Door::Open => {
                *door = Door::Served(slot);
                Ok(())
            }
            _ => Err(slot),
        }
    }

    fn fail(&self) {
        let mut door = sync::lock(&self.0);
        if matches!(*door, Door::Open) {
            *door = Door::Failed;
        }
    }

    /// Leaves, and takes along what was handed over in the meantime.
    fn leave(&self) -> Door {
        std::mem::replace(&mut *sync::lock(&self.0), Door::Left)
    }
}

/// A key, and how many sessions are open on the model's server.
struct Key {
    slots: Slots<Session, Waiter, u64>,
    open: AtomicUsize,
    opened: AtomicUsize,
    max: usize,
    per_session: u32,
    suffices: bool,
}

impl Key {
    fn new(max: usize, per_session: u32) -> Arc<Self> {
        Self::likely(max, per_session, false)
    }

    /// A key whose sessions are each all that it needs, or may be.
    fn likely(max: usize, per_session: u32, suffices: bool) -> Arc<Self> {
        let likely = Likely {
            slots: per_session,
            suffices,
        };
        Arc::new(Self {
            slots: Slots::new(max, likely, 0),
            open: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            max,
            per_session,
            suffices,
        })
    }

    /// Begins whatever connects are wanted; each succeeds at once.
    fn connect(&self) {
        while self.slots.begin_connect().is_some() {
            self.open.fetch_add(1, Ordering::SeqCst);
            self.assert_limit();
            let id = self.opened.fetch_add(1, Ordering::SeqCst) as u64 + 1;
            let session = Session {
                id,
                slots: self.per_session,
                generation: self.slots.generation(),
                suffices: self.suffices,
            };
            match self.slots.admit(session, 0) {
                Ok(served) => {
                    for (waiter, slot) in served {
                        if let Err(slot) = waiter.give(slot) {
                            self.release(slot, Fate::Undelivered);
                        }
                    }
                }
                Err(_late) => self.close(),
            }
        }
    }

    /// In use, idle and being opened: what the limit is about. A session that is being closed has
    /// left its key and does not count.
    fn assert_limit(&self) {
        let counts = self.slots.counts();
        let all = counts.busy + counts.idle + counts.connecting;
        assert!(all <= self.max, "more sessions than allowed: {counts:?}");
    }

    fn close(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn release(&self, slot: Slot<Session, u64>, fate: Fate) {
        let (mut slot, mut fate) = (slot, fate);
        loop {
            match self.slots.release(slot, fate, || false) {
                ReleaseOutcome::Ready | ReleaseOutcome::Draining => return,
                ReleaseOutcome::Close { wanted, .. } => {
                    self.close();
                    if wanted {
                        self.connect();
                    }
                    return;
                }
                ReleaseOutcome::Handover(waiter, handed) => match waiter.give(handed) {
                    Ok(()) => return,
                    Err(refused) => (slot, fate) = (refused, Fate::Undelivered),
                },
            }
        }
    }

    /// Acquires once and leaves without waiting; what was handed over on the way is the caller's.
    fn acquire(&self, id: u64) -> Option<Slot<Session, u64>> {
        if let Taken::Slot(slot) = self.slots.take() {
            return Some(slot);
        }
        let waiter = Waiter::new();
        match self
            .slots
            .enqueue(id, waiter.clone(), QueuePosition::Back, 0)
        {
            Enqueued::Slot(slot) => Some(slot),
            Enqueued::Removed => None,
            Enqueued::InQueue { .. } => {
                self.connect();
                let door = waiter.leave();
                self.slots.leave(id);
                match door {
                    Door::Served(slot) => Some(slot),
                    Door::Open | Door::Failed | Door::Left => None,
                }
            }
        }
    }

    fn resize(&self, max: usize) {
        let resized = self.slots.resize(max);
        for _ in resized.close {
            self.close();
        }
        if resized.wanted {
            self.connect();
        }
    }

    fn use_once(&self, id: u64, fate: Fate) {
        if let Some(slot) = self.acquire(id) {
            self.assert_limit();
            self.release(slot, fate);
        }
    }

    /// Ends the key; afterwards nothing may be open.
    fn end(&self) {
        if let Some(shut) = self.slots.close() {
            assert!(shut.waiters.is_empty(), "somebody was left in line");
            for _ in shut.unused {
                self.close();
            }
        }
        let counts = self.slots.counts();
        assert_eq!((counts.in_use, counts.connecting, counts.busy), (0, 0, 0));
        assert_eq!(
            self.open.load(Ordering::SeqCst),
            0,
            "a session has no owner"
        );
    }
}

fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn a_limit_of_one_holds_while_callers_come_leave_and_break_sessions() {
    explore(|| {
        let key = Key::new(1, 1);
        let other = Arc::clone(&key);
        let one = thread::spawn(move || other.use_once(1, Fate::Discard));
        key.use_once(2, Fate::Keep);
        one.join().expect("no panic");
        key.end();
    });
}

#[test]
fn slots_of_a_shared_session_never_exceed_what_it_has() {
    explore(|| {
        let key = Key::new(1, 2);
        let threads = [1, 2].map(|id| {
            let key = Arc::clone(&key);
            thread::spawn(move || {
                if let Some(slot) = key.acquire(id) {
                    assert!(key.slots.counts().in_use <= 2);
                    key.release(slot, Fate::Keep);
                }
            })
        });
        for thread in threads {
            thread.join().expect("no panic");
        }
        key.end();
    });
}

#[test]
fn a_key_that_one_session_suffices_for_never_opens_another_beside_it() {
    // One that was given up is followed by another.
    for (fate, most) in [(Fate::Keep, 1), (Fate::Discard, 2)] {
        explore(move || {
            let key = Key::likely(3, 1, true);
            let other = Arc::clone(&key);
            let user = thread::spawn(move || other.use_once(1, fate));
            key.use_once(2, fate);
            user.join().expect("no panic");
            let opened = key.opened.load(Ordering::SeqCst);
            assert!(opened <= most, "{opened}");
            key.end();
        });
    }
}

#[test]
fn nothing_opened_before_an_eviction_is_handed_out_after_it() {
    explore(|| {
        let key = Key::new(2, 1);
        key.use_once(1, Fate::Keep);
        let other = Arc::clone(&key);
        let evictor = thread::spawn(move || {
            for _ in other.slots.begin_generation() {
                other.close();
            }
            let generation = other.slots.generation();
            if let Some(slot) = other.acquire(2) {
                assert_eq!(slot.member.generation, generation);
                other.release(slot, Fate::Keep);
            }
        });
        key.use_once(3, Fate::Keep);
        evictor.join().expect("no panic");
        key.end();
    });
}

#[test]
fn a_key_is_never_removed_while_it_is_used() {
    explore(|| {
        let key = Key::new(1, 1);
        let other = Arc::clone(&key);
        let sweeper = thread::spawn(move || {
            if let Some((members, _)) = other.slots.remove(None) {
                for _ in members {
                    other.close();
                }
            }
        });
        if let Some(slot) = key.acquire(1) {
            assert_eq!(key.open.load(Ordering::SeqCst), 1, "closed under its user");
            key.release(slot, Fate::Keep);
        }
        sweeper.join().expect("no panic");
        key.end();
    });
}

#[test]
fn a_waiter_is_served_by_a_released_session_or_by_the_connect_after_a_broken_one() {
    for fate in [Fate::Keep, Fate::Discard] {
        explore(move || {
            let key = Key::new(1, 1);
            let slot = key
                .acquire(1)
                .expect("the first of an empty key is served at once");
            let waiter = Waiter::new();
            assert!(matches!(
                key.slots.enqueue(2, waiter.clone(), QueuePosition::Back, 0),
                Enqueued::InQueue { .. }
            ));
            let other = Arc::clone(&key);
            let user = thread::spawn(move || other.release(slot, fate));
            key.connect();
            user.join().expect("no panic");
            let Door::Served(slot) = waiter.leave() else {
                panic!("the waiter was forgotten");
            };
            key.release(slot, Fate::Keep);
            key.end();
        });
    }
}

#[test]
fn sessions_above_a_lowered_limit_are_closed_when_they_are_released_or_idle() {
    for per_session in [1, 2] {
        explore(move || {
            let key = Key::new(2, per_session);
            let users = [1, 2].map(|id| {
                let key = Arc::clone(&key);
                thread::spawn(move || key.use_once(id, Fate::Keep))
            });
            key.resize(1);
            for user in users {
                user.join().expect("no panic");
            }
            let counts = key.slots.counts();
            assert!(counts.idle + counts.busy <= 1, "{counts:?}");
            key.end();
        });
    }
}

#[test]
fn a_waiter_is_served_by_a_released_session_or_under_a_raised_limit() {
    explore(|| {
        let key = Key::new(2, 1);
        key.resize(1);
        let slot = key.acquire(1).expect("served at once");
        let waiter = Waiter::new();
        assert!(matches!(
            key.slots.enqueue(2, waiter.clone(), QueuePosition::Back, 0),
            Enqueued::InQueue {
                wants_connect: false,
                ..
            }
        ));
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release(slot, Fate::Keep));
        key.resize(2);
        user.join().expect("no panic");
        let Door::Served(slot) = waiter.leave() else {
            panic!("the waiter was forgotten");
        };
        key.release(slot, Fate::Keep);
        key.end();
    });
}

#[test]
fn a_failed_connect_fails_its_requester_and_frees_its_place() {
    explore(|| {
        let key = Key::new(1, 1);
        let waiter = Waiter::new();
        assert!(matches!(
            key.slots.enqueue(1, waiter.clone(), QueuePosition::Back, 0),
            Enqueued::InQueue { .. }
        ));
        let (requester, _) = key.slots.begin_connect().expect("wanted");
        let other = Arc::clone(&key);
        let late = thread::spawn(move || other.use_once(2, Fate::Keep));
        for failed in key.slots.abandon(requester, Blame::Endpoint) {
            failed.fail();
        }
        key.connect();
        late.join().expect("no panic");
        assert!(matches!(waiter.leave(), Door::Failed));
        key.end();
    });
}
