//! A queue that is slower than its callers come: who is turned away, and what is known of its pace.

use std::time::Duration;

use crate::{
    Key,
    doubles::{Session, Wait},
    queued,
    slots::{Enqueued, Fate, ReleaseOutcome, Slot},
};

const MILLI: u64 = 1_000_000;
const TARGET: Duration = Duration::from_millis(1);
/// The time between two that are served.
const INTERVAL: u64 = 600 * MILLI;

/// A key with one slot, in use, whose queue has been above its target for long. One caller waits.
fn overloaded() -> (Key, Slot<Session, u64>) {
    let mut key = Key::exclusive(1);
    let held = key.open();
    let first = queued(key.enqueue(60_000 * MILLI, TARGET));
    key.now = 300 * MILLI;
    queued(key.enqueue(60_000 * MILLI, TARGET));
    let held = handed_over(&key, held, first);
    key.now += INTERVAL;
    (key, held)
}

fn handed_over(key: &Key, slot: Slot<Session, u64>, wait: Wait) -> Slot<Session, u64> {
    let outcome = key.release(slot, Fate::Keep);
    assert!(
        matches!(outcome, ReleaseOutcome::Handover(_)),
        "{outcome:?}"
    );
    key.served(wait)
}

#[test]
fn a_caller_is_turned_away_only_where_its_deadline_passes_before_its_turn() {
    let (key, _held) = overloaded();
    let turn = key.now + INTERVAL;
    let early = key.enqueue(turn - 1, TARGET).err();
    assert!(matches!(early, Some(Enqueued::Full)), "{early:?}");
    queued(key.enqueue(turn, TARGET));
    queued(key.enqueue(turn + 2 * INTERVAL, TARGET));
}

#[test]
fn callers_that_wait_in_vain_are_ended_as_many_at_a_time_as_is_allowed() {
    let (mut key, _held) = overloaded();
    for ahead in 1..=3 {
        queued(key.enqueue(key.now + ahead * INTERVAL, TARGET));
    }
    let shed = |key: &Key, most| key.slots.shed(key.now, most, |_| ()).len();
    assert_eq!(shed(&key, 9), 0, "all have the time that they need");
    key.now += 1;
    assert_eq!(shed(&key, 0), 0);
    assert_eq!(shed(&key, 1), 1);
    assert_eq!(key.slots.counts().waiting, 3);
    // Those behind have one less ahead of them now.
    assert_eq!(shed(&key, 9), 0);
}

#[test]
fn what_a_queue_needs_for_all_that_wait_follows_from_its_pace() {
    let (mut key, held) = overloaded();
    assert_eq!(key.slots.drain_time(), None, "no sample was taken yet");
    let last = queued(key.enqueue(key.now + INTERVAL, TARGET));
    let time = Duration::from_nanos(2 * INTERVAL);
    assert_eq!(key.slots.drain_time(), Some(time));
    key.leave(&last);
    key.now += 1;
    assert_eq!(key.slots.drain_time(), Some(time / 2));
    drop(held);
}

/// A key whose queue has a pace, and no caller. Its slot is in use.
fn with_pace() -> (Key, Slot<Session, u64>) {
    let mut key = Key::exclusive(1);
    let held = key.open();
    let [first, second] = [0, 300 * MILLI].map(|at| {
        key.now = at;
        queued(key.enqueue(60_000 * MILLI, TARGET))
    });
    let held = handed_over(&key, held, first);
    key.now += INTERVAL;
    let third = queued(key.enqueue(60_000 * MILLI, TARGET));
    let held = handed_over(&key, held, second);
    let held = handed_over(&key, held, third);
    (key, held)
}

#[test]
fn a_queue_keeps_its_pace_while_its_slots_go_from_caller_to_caller() {
    let (key, _held) = with_pace();
    key.wait();
    let one = Duration::from_nanos(INTERVAL);
    assert_eq!(key.slots.drain_time(), Some(one));
}

#[test]
fn a_sweep_gives_a_queue_without_callers_back_and_with_it_the_pace() {
    let (key, _held) = with_pace();
    key.slots.expire(key.now, 9, |_| ());
    key.wait();
    assert_eq!(key.slots.drain_time(), None);
}

#[test]
fn a_caller_that_gets_the_session_opened_for_it_gives_the_queue_back() {
    let (mut key, held) = with_pace();
    key.slots.resize(2);
    let opened = key.open();
    key.wait();
    assert_eq!(key.slots.drain_time(), None);
    drop((held, opened));
}
