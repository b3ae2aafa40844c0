//! Callers that wait: the connects for them, their deadlines, and who fails with which connect.

use std::{sync::Arc, task::Poll, time::Duration};

use crate::{
    Key,
    doubles::{User, Wait, cell},
    queued,
    slots::{Blame, Fate},
};

fn has_failed(key: &Key, mut wait: Wait) -> bool {
    matches!(key.poll(&mut wait), Poll::Ready(Some(Err(()))))
}

#[test]
fn a_key_has_waiters_from_the_first_one_to_the_last() {
    let key = Key::exclusive(1);
    assert!(!key.slots.has_waiters());
    let (one, other) = (key.wait(), key.wait());
    assert!(key.slots.has_waiters());
    key.leave(&one);
    assert!(key.slots.has_waiters());
    key.leave(&other);
    assert!(!key.slots.has_waiters());
}

#[test]
fn each_connect_is_for_the_next_caller_that_has_none() {
    let key = Key::exclusive(4);
    let tickets = [(); 3].map(|()| key.wait().ticket);
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
        let wait = key.wait();
        key.begin();
        if !waits {
            key.leave(&wait);
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
    let waits = [(); 4].map(|()| key.wait());
    let (one, other) = (key.begin(), key.begin());
    assert_eq!((one, other), (waits[0].ticket, waits[1].ticket));
    key.slots.abandon(Some(one), Blame::Endpoint, |_| ());
    let failed = waits.map(|wait| has_failed(&key, wait));
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
        let wait = queued(key.enqueue(deadline, Duration::ZERO));
        assert_eq!(wait.is_watched, wanted, "{deadline}");
    }
}

#[test]
fn the_cell_of_a_waiter_is_free_for_another_one_and_keeps_nothing_of_its_own() {
    let mut key = Key::exclusive(1);
    let secret = Arc::new(());
    let mut held = key.open();
    let mut free = cell();
    for fails in [false, true, false] {
        let kept = Arc::clone(&secret);
        free.fill(|| User(Some(kept)));
        let mut wait = queued(key.join(free, 5_000, Duration::ZERO));
        assert_eq!(
            (Arc::strong_count(&secret), wait.cell.is_free()),
            (2, false)
        );
        if fails {
            key.slots.expire(9_000, 9, |_| ());
            assert!(matches!(key.poll(&mut wait), Poll::Ready(Some(Err(())))));
        } else {
            key.release(held, Fate::Keep);
            held = match key.poll(&mut wait) {
                Poll::Ready(Some(Ok(slot))) => slot,
                other => panic!("{other:?}"),
            };
        }
        assert_eq!((Arc::strong_count(&secret), wait.cell.is_free()), (1, true));
        free = wait.cell;
    }
    drop(held);
}

#[test]
fn a_cell_that_another_holds_is_not_given_to_a_second_waiter() {
    let key = Key::exclusive(1);
    let first = key.wait();
    let ticket = first.ticket;
    let mut cell = first.cell;
    // Its queue has the cell still.
    cell.fill(|| User(None));
    let mut second = queued(key.join(cell, 9_000, Duration::ZERO));
    key.slots.expire(1_000, 9, |_| ());
    assert!(
        key.poll(&mut second).is_pending(),
        "only the first one failed"
    );
    assert_ne!(second.ticket, ticket);
}
