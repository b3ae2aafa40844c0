//! Sessions of a key: the limit, those that are kept ready, and those that are taken away.

use crate::{
    Key,
    slots::{Fate, ReleaseOutcome},
};

/// A key with so many idle sessions of one slot, the least recently used first.
fn idle(max: usize, count: usize) -> Key {
    let mut key = Key::exclusive(max);
    let held: Vec<_> = (0..count).map(|_| key.open()).collect();
    for slot in held {
        key.keep(slot);
    }
    key
}

#[test]
fn a_lowered_limit_closes_the_least_recently_used_sessions_and_no_more_than_it_must() {
    let key = idle(4, 4);
    let closed = key.slots.resize(2).close;
    let closed: Vec<_> = closed.iter().map(|session| session.id).collect();
    assert_eq!(closed, [1, 2]);
    assert_eq!(key.slots.counts().idle, 2);
    assert!(key.slots.resize(9).close.is_empty());
}

#[test]
fn a_session_above_a_lowered_limit_is_handed_out_no_more_though_it_has_a_free_slot() {
    let mut key = Key::new(2, 2, false);
    let held = key.open();
    assert!(key.slots.resize(0).close.is_empty());
    assert!(key.take().is_none());
    let outcome = key.release(held, Fate::Keep);
    assert!(
        matches!(outcome, ReleaseOutcome::Close { .. }),
        "{outcome:?}"
    );
}

#[test]
fn a_session_that_leaves_by_itself_does_not_count_against_a_lowered_limit() {
    let mut key = Key::new(2, 2, false);
    let held = key.open();
    key.slots.begin_generation();
    let slot = key.open();
    key.keep(slot);
    assert!(key.slots.resize(1).close.is_empty());
    assert_eq!(key.slots.counts().idle, 1);
    drop(held);
}

#[test]
fn a_session_is_kept_ready_where_there_are_too_few_and_the_limit_allows_one() {
    let mut key = Key::exclusive(2);
    let held = key.open();
    assert!(key.slots.wants_spare(1), "none is ready");
    assert!(!key.slots.wants_spare(0));
    let waiter = key.wait();
    assert!(!key.slots.wants_spare(1), "a caller that waits comes first");
    key.leave(&waiter);
    key.slots.resize(1);
    assert!(!key.slots.wants_spare(1), "the limit");
    key.slots.resize(3);
    assert!(key.slots.wants_spare(1), "the limit is no longer reached");
    assert!(key.slots.begin_spare(1));
    assert!(!key.slots.begin_spare(1), "it is being opened");
    key.admit();
    assert!(!key.slots.begin_spare(1), "it is ready");
    drop(held);
}

#[test]
fn a_session_that_suffices_is_kept_ready_alone() {
    let mut key = Key::new(4, 2, true);
    assert!(key.slots.wants_spare(2));
    let held = key.open();
    assert!(!key.slots.wants_spare(2));
    key.slots.begin_generation();
    assert!(key.slots.wants_spare(2), "the one that is there leaves");
    drop(held);
}

#[test]
fn a_check_takes_one_slot_of_an_unused_session() {
    for slots in [1, 2] {
        let mut key = Key::new(1, slots, false);
        let slot = key.open();
        assert!(key.slots.take_due(|_, _| true).is_none(), "it is in use");
        key.keep(slot);
        let checked = key.slots.take_due(|_, _| true).expect("it is due");
        let next = key.take();
        assert_eq!(next.is_some(), slots > 1);
        let hits = u64::from(slots > 1);
        assert_eq!(key.slots.counts().hit_counts.hits, hits);
        drop((checked, next));
    }
}

#[test]
fn a_session_is_taken_from_its_users_and_never_from_a_key_that_does_not_use_it() {
    let mut key = Key::new(1, 2, false);
    let slot = key.open();
    assert_eq!(key.slots.forfeit(&slot.member), Some(false), "one slot");
    assert!(key.slots.forfeit(&slot.member).is_none(), "it is gone");
    let outcome = key.release(slot, Fate::Keep);
    assert!(matches!(outcome, ReleaseOutcome::Draining { .. }));
    let (one, other) = (key.open(), key.take().expect("the second slot"));
    assert_eq!(key.slots.counts().in_use, 2);
    assert!(key.slots.forfeit(&other.member).is_some(), "both slots");
    assert_eq!(key.slots.counts().in_use, 0);
    drop((one, other));
    let slot = key.open();
    let session = slot.member.clone();
    key.keep(slot);
    assert!(key.slots.forfeit(&session).is_none(), "it is unused");
    assert_eq!(key.slots.counts().idle, 1);
}

#[test]
fn a_hit_that_no_caller_got_is_none() {
    for fate in [Fate::Undelivered, Fate::Unfit] {
        let mut key = Key::exclusive(1);
        let slot = key.open();
        key.keep(slot);
        for _ in 0..3 {
            let slot = key.take().expect("it is idle");
            key.keep(slot);
        }
        let slot = key.take().expect("it is idle");
        assert_eq!(key.slots.counts().hit_counts.hits, 4);
        key.release(slot, fate);
        assert_eq!(key.slots.counts().hit_counts.hits, 3, "{fate:?}");
    }
}

#[test]
fn the_counts_that_are_read_without_the_lock_are_those_under_it() {
    let key = idle(4, 1);
    assert!(key.slots.begin_spare(2));
    let mut seen = Vec::new();
    key.tallies.for_each(|reading| seen.push(reading.sessions));
    assert_eq!(seen, [key.slots.counts().sessions()]);
    let sessions = &seen[0];
    assert_eq!(
        (sessions.idle, sessions.busy, sessions.connecting),
        (1, 0, 1)
    );
}

#[test]
fn a_key_whose_last_session_is_about_to_leave_is_still_in_use() {
    let mut key = Key::new(4, 2, false);
    let held = key.open();
    key.slots.begin_generation();
    assert!(key.slots.remove(None).is_none());
    drop(held);
}

/// Does something with a key whose slots are held, and adds what it takes to them.
fn step(key: &mut Key, held: &mut Vec<crate::slots::Slot<crate::doubles::Session, u64>>, what: u8) {
    match what {
        0..=3 => held.extend(key.take()),
        4 => {
            let slot = key.take().unwrap_or_else(|| key.open());
            held.push(slot);
        }
        _ if held.is_empty() => {}
        5..=7 => {
            let slot = held.remove(usize::from(what) % held.len());
            key.release(slot, Fate::Keep);
        }
        8 => {
            let slot = held.remove(0);
            key.release(slot, Fate::Undelivered);
        }
        9 => {
            let slot = held.remove(0);
            key.release(slot, Fate::Discard);
        }
        10 => drop(key.slots.forfeit(&held[0].member)),
        _ => drop(key.slots.begin_generation()),
    }
}

proptest::proptest! {
    #[test]
    fn whatever_happens_the_counts_without_the_lock_are_those_under_it(
        steps in proptest::collection::vec(0..12_u8, 0..40), slots in 1..3_u32,
    ) {
        let mut key = Key::new(3, slots, false);
        let mut held = Vec::new();
        for what in steps {
            if key.slots.counts().busy < 3 || what != 4 {
                step(&mut key, &mut held, what);
            }
            let mut seen = Vec::new();
            let look = |key: &Key, seen: &mut Vec<_>| {
                key.tallies
                    .for_each(|it| seen.push((it.hits, it.misses, it.in_use, it.sessions)));
            };
            // Before a look under the lock, and after it.
            look(&key, &mut seen);
            let counts = key.slots.counts();
            look(&key, &mut seen);
            let hits = counts.hit_counts;
            let under_lock = (hits.hits, hits.misses, counts.in_use, counts.sessions());
            proptest::prop_assert_eq!(seen, [under_lock; 2]);
        }
    }
}
