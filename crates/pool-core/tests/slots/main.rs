//! The state machine of a key, one step after the other: its bounds and counts, exactly.
//!
//! The source is the crate's own, as in the model, which tries every order of a few threads.

#[path = "../model/doubles.rs"]
mod doubles;
mod overload;
mod sessions;
mod waiting;

#[path = "../../src/key/slots/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the tests use a part of it"
)]
mod slots;

#[path = "../../src/limits/deadlines.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod deadlines;

#[path = "../../src/limits/line/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod line;

#[path = "../../src/limits/pace/queue_pace.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod pace;

#[path = "../../src/upstream/tallies.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use a part of it")]
mod tallies;

/// What the state machine is built upon.
mod sync {
    pub(crate) use std::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    };

    pub(crate) use crate::{
        deadlines::Deadlines,
        line::{Line, Place},
        pace::Pace,
        tallies::{Sessions, Tally, TallyReading},
    };

    /// A value that is exchanged.
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
        mutex.get_mut().expect("not poisoned")
    }

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("not poisoned")
    }
}

use std::{
    task::{Poll, Waker},
    time::Duration,
};

use doubles::{Session, User, Wait, cell};
use slots::{
    Blame, Bounds, Claim, Enqueued, Fate, Likely, NewWaiter, QueuePosition, ReleaseOutcome, Slot,
    Slots, Ticket, WaitCell,
};
use tallies::Tallies;

fn queued(joined: Result<Wait, Enqueued<Session, u64>>) -> Wait {
    joined.unwrap_or_else(|other| panic!("{other:?}"))
}

/// A key whose sessions are numbered as they are opened.
struct Key {
    slots: Slots<Session, User, u64>,
    tallies: Tallies,
    likely: Likely,
    opened: u64,
    now: u64,
}

impl Key {
    fn new(max: usize, slots: u32, suffices: bool) -> Self {
        let likely = Likely { slots, suffices };
        let tallies = Tallies::default();
        Self {
            slots: Slots::new(max, likely, tallies.open(1, 0), 0),
            tallies,
            likely,
            opened: 0,
            now: 0,
        }
    }

    /// A key of so many sessions with a slot each.
    fn exclusive(max: usize) -> Self {
        Self::new(max, 1, false)
    }

    fn wait(&self) -> Wait {
        queued(self.enqueue(self.now + 1_000, Duration::ZERO))
    }

    /// Waits until this deadline in a queue that is overloaded above this delay; none is where it is zero.
    fn enqueue(&self, deadline: u64, target: Duration) -> Result<Wait, Enqueued<Session, u64>> {
        self.join(cell(), deadline, target)
    }

    fn join(
        &self,
        cell: WaitCell<Session, User, u64>,
        deadline: u64,
        target: Duration,
    ) -> Result<Wait, Enqueued<Session, u64>> {
        let new = NewWaiter {
            cell: &cell,
            lane: 0,
            position: QueuePosition::Back,
            now: self.now,
            deadline,
            waker: Waker::noop(),
        };
        let bounds = Bounds {
            most: usize::MAX,
            target,
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

    fn leave(&self, wait: &Wait) -> Option<Slot<Session, u64>> {
        self.slots.leave(wait.ticket, &wait.cell).0
    }

    /// Begins the connect that a waiter needs. Returns its ticket.
    fn begin(&self) -> Ticket {
        let requester = self.slots.begin_connect(|ticket, _| ticket);
        requester.expect("a connect is wanted")
    }

    fn session(&mut self) -> Session {
        self.opened += 1;
        Session {
            id: self.opened,
            slots: self.likely.slots,
            generation: std::sync::Arc::new(self.slots.generation().into()),
            suffices: self.likely.suffices,
        }
    }

    /// Ends a connect well.
    fn admit(&mut self) {
        let session = self.session();
        assert!(self.slots.admit(session, self.now).is_ok());
    }

    fn poll(&self, wait: &mut Wait) -> Poll<Option<Result<Slot<Session, u64>, ()>>> {
        let Wait { ticket, cell, .. } = wait;
        self.slots.poll(*ticket, cell, Waker::noop())
    }

    fn served(&self, mut wait: Wait) -> Slot<Session, u64> {
        match self.poll(&mut wait) {
            Poll::Ready(Some(Ok(slot))) => slot,
            other => panic!("{other:?}"),
        }
    }

    /// A slot of a session that is opened for it.
    fn open(&mut self) -> Slot<Session, u64> {
        let wait = self.wait();
        self.begin();
        self.admit();
        self.served(wait)
    }

    fn release(&self, slot: Slot<Session, u64>, fate: Fate) -> ReleaseOutcome<Session> {
        self.slots.release(slot, fate, |_| Claim::Own)
    }

    /// A slot of an idle session.
    fn take(&self) -> Option<Slot<Session, u64>> {
        self.slots.take()
    }

    fn keep(&self, slot: Slot<Session, u64>) {
        let outcome = self.release(slot, Fate::Keep);
        assert!(matches!(outcome, ReleaseOutcome::Ready), "{outcome:?}");
    }
}

#[test]
fn a_refused_connect_pauses_the_key_only_where_its_waiters_have_another_session_to_wait_for() {
    let mut key = Key::exclusive(4);
    key.wait();
    key.begin();
    assert!(!key.slots.pause(10), "there is no other session");
    key.admit();
    let mut key = Key::exclusive(4);
    let held = key.open();
    key.wait();
    key.begin();
    assert!(key.slots.pause(10), "the held session");
    let counts = key.slots.counts();
    assert!(counts.paused && counts.connecting == 0, "{counts:?}");
    drop(held);
}

#[test]
fn a_session_that_is_being_left_is_none_to_wait_for() {
    let mut key = Key::new(4, 2, false);
    let held = key.open();
    key.slots.begin_generation();
    key.wait();
    key.begin();
    assert!(!key.slots.pause(10));
    drop(held);
}

#[test]
fn a_pause_lasts_until_its_end_and_then_a_waiter_gets_its_connect() {
    let mut key = Key::exclusive(4);
    let held = key.open();
    key.wait();
    key.begin();
    assert!(key.slots.pause(10));
    assert!(!key.slots.wants_connect());
    assert_eq!(key.slots.resume(9), (Some(10), false));
    assert!(key.slots.counts().paused);
    assert_eq!(key.slots.resume(10), (None, true));
    assert!(!key.slots.counts().paused);
    assert_eq!(key.slots.resume(11), (None, false), "no pause is left");
    drop(held);
}

#[test]
fn a_failed_connect_fails_all_that_joined_it_where_they_would_have_shared_its_session() {
    // One that nobody shares fails its requester alone.
    let kinds = [(1, false, 1), (1, true, 3), (2, false, 3), (3, true, 3)];
    for (slots, suffices, failed) in kinds {
        let key = Key::new(4, slots, suffices);
        let waits = [(); 3].map(|()| key.wait());
        let requester = key.begin();
        let left = key.slots.abandon(Some(requester), Blame::Endpoint, |_| ());
        let has_failed = |mut wait| matches!(key.poll(&mut wait), Poll::Ready(Some(Err(()))));
        let seen = waits.map(has_failed).into_iter().filter(|failed| *failed);
        let seen = seen.count();
        assert_eq!(
            (left.wakers.len(), seen),
            (failed, failed),
            "{slots} {suffices}"
        );
        assert_eq!(key.slots.counts().hit_counts.misses, failed as u64);
        assert_eq!(left.is_settled, failed == 3);
    }
}

#[test]
fn a_failed_connect_fails_those_that_it_concerns() {
    let blames = [(Blame::None, 0), (Blame::Caller, 1), (Blame::Loss, 3)];
    for (blame, failed) in blames {
        let key = Key::exclusive(4);
        for _ in 0..3 {
            key.wait();
        }
        let requester = key.begin();
        let left = key.slots.abandon(Some(requester), blame, |_| ());
        assert_eq!(left.wakers.len(), failed, "{blame:?}");
        assert_eq!(key.slots.counts().hit_counts.misses, failed as u64);
        let counts = key.slots.counts();
        assert_eq!((counts.connecting, counts.waiting), (0, 3 - failed));
    }
}

#[test]
fn an_evicted_session_is_closed_at_once_only_while_it_is_unused() {
    let mut key = Key::new(4, 2, false);
    let slot = key.open();
    let id = slot.member.id;
    assert!(key.slots.evict_one(id).is_none(), "in use");
    let outcome = key.release(slot, Fate::Keep);
    assert!(
        matches!(outcome, ReleaseOutcome::Close { .. }),
        "{outcome:?}"
    );
    let slot = key.open();
    let id = slot.member.id;
    key.keep(slot);
    assert_eq!(key.slots.evict_one(id).map(|session| session.id), Some(id));
    assert!(key.slots.evict_one(id).is_none(), "it has left");
    assert!(key.slots.has_none());
}

#[test]
fn a_key_is_removed_only_while_nothing_uses_it() {
    let mut key = Key::exclusive(4);
    let slot = key.open();
    assert!(key.slots.remove(None).is_none(), "in use");
    key.slots.begin_generation();
    assert!(key.slots.remove(None).is_none(), "in use by the last user");
    let outcome = key.release(slot, Fate::Keep);
    assert!(matches!(outcome, ReleaseOutcome::Close { .. }));
    let waiter = key.wait();
    assert!(key.slots.remove(None).is_none(), "a caller waits");
    let requester = key.begin();
    key.leave(&waiter);
    assert!(key.slots.remove(None).is_none(), "a connect is under way");
    key.slots.abandon(Some(requester), Blame::None, |_| ());
    let (sessions, counts) = key.slots.remove(None).expect("unused");
    assert_eq!((sessions.len(), counts.misses), (0, 1));
    assert!(key.slots.remove(None).is_none(), "removed before");
    assert!(key.slots.is_removed());
}

#[test]
fn a_key_that_was_used_since_is_not_removed() {
    let mut key = Key::exclusive(4);
    key.now = 50;
    let slot = key.open();
    key.keep(slot);
    let used = key.slots.last_used();
    assert!(used > 0);
    assert!(key.slots.remove(Some(used - 1)).is_none());
    let (sessions, _) = key.slots.remove(Some(used)).expect("not used since");
    assert_eq!(sessions.len(), 1);
}

#[test]
fn a_ticket_names_no_later_waiter_though_its_queue_was_given_back_in_between() {
    let mut key = Key::exclusive(1);
    let mut old = Vec::new();
    for _ in 0..3 {
        let wait = key.wait();
        key.leave(&wait);
        old.push(wait);
    }
    let held = key.open();
    let new = key.wait();
    for mut wait in old {
        assert_ne!(wait.ticket, new.ticket);
        assert!(matches!(key.poll(&mut wait), Poll::Ready(None)));
        key.leave(&wait);
    }
    assert_eq!(key.slots.counts().waiting, 1);
    let outcome = key.release(held, Fate::Keep);
    assert!(matches!(outcome, ReleaseOutcome::Handover(_)));
    drop(key.served(new));
}
