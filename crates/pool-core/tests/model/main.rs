//! The state machine of a key under a model checker: every interleaving of acquire, release,
//! evict and close that loom can find, up to a bound on preemptions.
//!
//! The source is the crate's own; only its lock is loom's.

mod doubles;
mod handovers;
mod shortcut;

#[path = "../../src/key/slots/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the model uses a part of it"
)]
mod slots;

#[path = "../../src/limits/deadlines.rs"]
#[allow(dead_code, unreachable_pub, reason = "the model uses a part of it")]
mod deadlines;

#[path = "../../src/limits/line/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the model uses a part of it")]
mod line;

#[path = "../../src/limits/pace/queue_pace.rs"]
#[allow(dead_code, unreachable_pub, reason = "the model uses a part of it")]
mod pace;

#[path = "../../src/upstream/tallies.rs"]
#[allow(dead_code, unreachable_pub, reason = "the model uses a part of it")]
mod tallies;

/// loom's lock in place of the crate's own.
mod sync {
    pub(crate) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    };

    pub(crate) use crate::{
        deadlines::Deadlines,
        line::{Line, Place},
        pace::Pace,
        tallies::{Sessions, Tally, TallyReading},
    };

    /// An exchange under loom's lock, which acquires and releases as one atomic exchange does.
    pub(crate) struct Swap<T>(Mutex<Option<T>>);

    impl<T> Default for Swap<T> {
        fn default() -> Self {
            Self(Mutex::new(None))
        }
    }

    impl<T> Swap<T> {
        pub(crate) fn exchange(&self, value: Option<T>) -> Option<T> {
            std::mem::replace(&mut lock(&self.0), value)
        }
    }

    pub(crate) fn exclusive<T>(mutex: &mut Mutex<T>) -> &mut T {
        mutex
            .get_mut()
            .expect("no thread of a model panics while it holds the lock")
    }

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex
            .lock()
            .expect("no thread of a model panics while it holds the lock")
    }
}

use std::{
    task::{Poll, Waker},
    time::Duration,
};

use doubles::{Session, User, Wait, cell};
use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use slots::{
    Blame, Bounds, Claim, Enqueued, Fate, Likely, Member, NewWaiter, Origin, QueuePosition,
    ReleaseOutcome, Slot, Slots,
};
use tallies::Tallies;

/// What a waiter of the model finds when it leaves.
#[derive(Debug)]
enum Found {
    Failed,
    Nothing,
    Slot(Slot<Session, u64>),
}

/// A key, and how many sessions are open on the model's server.
struct Key {
    slots: Slots<Session, User, u64>,
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
            slots: Slots::new(max, likely, Tallies::default().open(1, 0), 0),
            open: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            max,
            per_session,
            suffices,
        })
    }

    /// Begins whatever connects are wanted; each succeeds at once.
    fn connect(&self) {
        while self.slots.begin_connect(|_, _| ()).is_some() {
            self.open.fetch_add(1, Ordering::SeqCst);
            self.assert_limit();
            let id = self.opened.fetch_add(1, Ordering::SeqCst) as u64 + 1;
            let session = Session {
                id,
                slots: self.per_session,
                generation: std::sync::Arc::new(self.slots.generation().into()),
                suffices: self.suffices,
            };
            if self.slots.admit(session, 0).is_err() {
                self.close();
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
        self.release_as(slot, fate, Claim::Own);
    }

    fn release_as(&self, slot: Slot<Session, u64>, fate: Fate, claim: Claim) {
        match self.slots.release(slot, fate, |_| claim) {
            ReleaseOutcome::Ready | ReleaseOutcome::Handover(_) => {}
            ReleaseOutcome::Draining { wanted } => {
                if wanted {
                    self.connect();
                }
            }
            ReleaseOutcome::Close { wanted, .. } => {
                self.close();
                if wanted {
                    self.connect();
                }
            }
        }
    }

    fn enqueue(&self) -> Result<Wait, Enqueued<Session, u64>> {
        let cell = cell();
        let new = NewWaiter {
            cell: &cell,
            lane: 0,
            position: QueuePosition::Back,
            now: 0,
            deadline: 1,
            waker: Waker::noop(),
        };
        let bounds = Bounds {
            most: usize::MAX,
            target: Duration::ZERO,
        };
        match self.slots.enqueue(new, bounds) {
            Enqueued::InQueue { ticket, watch, .. } => Ok(Wait {
                ticket,
                cell,
                is_watched: watch,
            }),
            other => Err(other),
        }
    }

    /// A place in the queue of a key that has no free slot.
    fn wait(&self) -> Wait {
        self.enqueue().unwrap_or_else(|other| panic!("{other:?}"))
    }

    /// Leaves the queue, and takes along what was granted in the meantime.
    fn leave(&self, wait: Wait) -> Found {
        let Wait {
            ticket, mut cell, ..
        } = wait;
        match self.slots.poll(ticket, &mut cell, Waker::noop()) {
            Poll::Ready(Some(Ok(slot))) => Found::Slot(slot),
            Poll::Ready(Some(Err(()))) => Found::Failed,
            Poll::Ready(None) => Found::Nothing,
            Poll::Pending => self
                .slots
                .leave(ticket, &cell)
                .0
                .map_or(Found::Nothing, Found::Slot),
        }
    }

    /// Acquires once and leaves without waiting; what was handed over on the way is the caller's.
    fn acquire(&self) -> Option<Slot<Session, u64>> {
        match self.slots.take() {
            Some(slot) if slot.origin == Origin::Late => self.release(slot, Fate::Undelivered),
            Some(slot) => return Some(slot),
            None => {}
        }
        match self.enqueue() {
            Err(Enqueued::Slot(slot)) => Some(slot),
            Err(_) => None,
            Ok(wait) => {
                self.connect();
                match self.leave(wait) {
                    Found::Slot(slot) => Some(slot),
                    Found::Failed | Found::Nothing => None,
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

    fn use_once(&self, fate: Fate) {
        if let Some(slot) = self.acquire() {
            self.assert_limit();
            self.release(slot, fate);
        }
    }

    /// Ends the key; afterwards nothing may be open.
    fn end(&self) {
        if let Some(shut) = self.slots.close(|_| ()) {
            assert!(shut.wakers.is_empty(), "a waiter was left in line");
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
        let one = thread::spawn(move || other.use_once(Fate::Discard));
        key.use_once(Fate::Keep);
        one.join().expect("no panic");
        key.end();
    });
}

#[test]
fn slots_of_a_shared_session_never_exceed_what_it_has() {
    explore(|| {
        let key = Key::new(1, 2);
        let threads = [(); 2].map(|()| {
            let key = Arc::clone(&key);
            thread::spawn(move || {
                if let Some(slot) = key.acquire() {
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
            let user = thread::spawn(move || other.use_once(fate));
            key.use_once(fate);
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
        key.use_once(Fate::Keep);
        let other = Arc::clone(&key);
        let evictor = thread::spawn(move || {
            for _ in other.slots.begin_generation().0 {
                other.close();
            }
            let generation = other.slots.generation();
            if let Some(slot) = other.acquire() {
                assert_eq!(slot.member.generation(), generation);
                other.release(slot, Fate::Keep);
            }
        });
        key.use_once(Fate::Keep);
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
        if let Some(slot) = key.acquire() {
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
                .acquire()
                .expect("the first of an empty key is served at once");
            let wait = key.wait();
            let other = Arc::clone(&key);
            let user = thread::spawn(move || other.release(slot, fate));
            key.connect();
            user.join().expect("no panic");
            let Found::Slot(slot) = key.leave(wait) else {
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
            let users = [(); 2].map(|()| {
                let key = Arc::clone(&key);
                thread::spawn(move || key.use_once(Fate::Keep))
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
        let slot = key.acquire().expect("served at once");
        let wait = key.wait();
        assert!(!key.slots.wants_connect());
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release(slot, Fate::Keep));
        key.resize(2);
        user.join().expect("no panic");
        let Found::Slot(slot) = key.leave(wait) else {
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
        let wait = key.wait();
        let requester = key.slots.begin_connect(|requester, _| requester);
        let requester = requester.expect("wanted");
        let other = Arc::clone(&key);
        let late = thread::spawn(move || other.use_once(Fate::Keep));
        drop(key.slots.abandon(Some(requester), Blame::Endpoint, |_| ()));
        key.connect();
        late.join().expect("no panic");
        assert!(matches!(key.leave(wait), Found::Failed));
        key.end();
    });
}
