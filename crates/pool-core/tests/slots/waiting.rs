//! Callers that wait: the connects for them, their deadlines, and who fails with which connect.

use std::{task::Poll, time::Duration};

use crate::{
    Key,
    slots::{Blame, Enqueued, Ticket},
};

fn has_failed(key: &Key, ticket: Ticket) -> bool {
    matches!(key.poll(ticket), Poll::Ready(Some(Err(()))))
}

#[test]
fn a_key_has_waiters_from_the_first_one_to_the_last() {
    let key = Key::exclusive(1);
    assert!(!key.slots.has_waiters());
    let (one, other) = (key.wait(), key.wait());
    assert!(key.slots.has_waiters());
    key.slots.leave(one);
    assert!(key.slots.has_waiters());
    key.slots.leave(other);
    assert!(!key.slots.has_waiters());
}

#[test]
fn each_connect_is_for_the_next_caller_that_has_none() {
    let key = Key::exclusive(4);
    let tickets = [(); 3].map(|()| key.wait());
    assert_eq!([(); 3].map(|()| key.begin()), tickets);
}

#[test]
fn a_connect_settles_a_key_once_no_caller_needs_another_one() {
    let mut key = Key::exclusive(4);
    key.wait();
    key.wait();
    key.begin();
    let session = key.session();
    let left = key.slots.admit(session, 0).expect("it is wanted");
    assert_eq!((left.wakers.len(), left.is_settled), (1, false));
    key.begin();
    let session = key.session();
    let left = key.slots.admit(session, 0).expect("it is wanted");
    assert_eq!((left.wakers.len(), left.is_settled), (1, true));
}

#[test]
fn a_session_above_a_lowered_limit_is_admitted_only_for_a_caller_that_waits() {
    for waits in [true, false] {
        let mut key = Key::exclusive(2);
        let held = key.open();
        let ticket = key.wait();
        key.begin();
        if !waits {
            key.slots.leave(ticket);
        }
        key.slots.resize(1);
        let session = key.session();
        assert_eq!(key.slots.admit(session, 0).is_ok(), waits);
        drop(held);
    }
}

#[test]
fn a_caller_with_a_connect_of_its_own_does_not_fail_with_that_of_another() {
    let key = Key::new(4, 2, false);
    let tickets = [(); 4].map(|()| key.wait());
    let (one, other) = (key.begin(), key.begin());
    assert_eq!((one, other), (tickets[0], tickets[1]));
    key.slots.abandon(Some(one), Blame::Endpoint, |_| ());
    let failed = tickets.map(|ticket| has_failed(&key, ticket));
    assert_eq!(failed, [true, false, true, true]);
}

#[test]
fn callers_expire_as_many_at_a_time_as_is_allowed() {
    let key = Key::exclusive(1);
    for _ in 0..3 {
        key.wait();
    }
    for left in [2, 1, 0, 0] {
        let expired = key.slots.expire(1_000, 1, |_| ());
        assert_eq!(key.slots.counts().waiting, left);
        assert_eq!(expired.next.is_some(), left > 0);
    }
}

#[test]
fn a_sweep_is_wanted_for_a_deadline_before_the_one_that_is_planned() {
    let key = Key::exclusive(1);
    for (deadline, wanted) in [(100, true), (100, false), (101, false), (99, true)] {
        match key.enqueue(deadline, Duration::ZERO) {
            Enqueued::InQueue { watch, .. } => assert_eq!(watch, wanted, "{deadline}"),
            other => panic!("{other:?}"),
        }
    }
}
