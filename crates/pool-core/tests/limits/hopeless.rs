//! Keys whose turn comes after the deadline of their callers.

use std::{sync::Arc, time::Duration};

use crate::{
    doubles::{Key, account, sessions},
    shared::{Member, Seats, Seeker, Seekers, SharedLimit},
    sync::AtomicBool,
};

impl Key {
    /// Waits with a caller whose deadline is at this moment.
    fn wait_until(self, deadline: u64) -> Self {
        self.set_deadline(deadline);
        self.wait()
    }
}

/// The deadline of the hopeless key, where each permit takes 10 to come back.
fn hopeless(limit: &Arc<SharedLimit<Key>>, now: u64) -> Option<u64> {
    let wait = |ahead| Some(10 * (ahead as u64 + 1));
    limit.hopeless(now, wait).map(|hopeless| hopeless.due)
}

#[test]
fn a_key_is_hopeless_once_its_deadline_passes_before_its_turn() {
    let limit = sessions(1);
    let _holder = Key::new(&limit).hold(1);
    let _key = Key::new(&limit).wait_until(100);
    assert_eq!(hopeless(&limit, 90), None);
    assert_eq!(hopeless(&limit, 91), Some(100));
    let found = limit.hopeless(100, |_| Some(1)).expect("it is too late");
    assert_eq!(found.wait, Duration::from_nanos(1));
    assert!(limit.hopeless(100, |_| None).is_none(), "not known");
}

#[test]
fn one_of_each_other_account_is_ahead_of_the_first_of_an_account() {
    let limit = sessions(1);
    let _holder = Key::new(&limit).hold(1);
    let crowd = account();
    let _crowd: Vec<_> = (0..9).map(|_| Key::of(&limit, &crowd).wait()).collect();
    let _alone = Key::new(&limit).wait_until(0);
    let wait = |ahead| Some(ahead as u64);
    let found = limit.hopeless(0, wait).expect("its deadline has passed");
    assert_eq!(found.wait, Duration::from_nanos(1), "one is ahead");
}

#[test]
fn the_next_deadline_that_counts_is_that_of_the_callers_that_still_wait() {
    let limit = sessions(1);
    let _holder = Key::new(&limit).hold(1);
    let key = Key::new(&limit).wait_until(100);
    let _other = Key::new(&limit).wait_until(300);
    // An earlier caller comes, and leaves.
    key.set_deadline(50);
    key.request();
    assert_eq!(hopeless(&limit, 1_000), Some(50));
    key.set_deadline(200);
    assert_eq!(hopeless(&limit, 1_000), Some(200));
    key.leave();
    assert_eq!(hopeless(&limit, 1_000), Some(300));
}

#[test]
fn a_key_that_waits_beside_a_permit_of_its_own_is_not_hopeless() {
    let limit = sessions(1);
    let holder = Key::new(&limit).hold(1).wait_until(0);
    assert_eq!(hopeless(&limit, 1_000), None);
    holder.leave();
    // One that waits for its first permit gets that, and waits for a second one.
    let key = Key::new(&limit).wait_until(0);
    key.need();
    assert_eq!(hopeless(&limit, 1_000), Some(0));
    holder.release();
    assert_eq!((key.held(), key.waits()), (1, true));
    assert_eq!(hopeless(&limit, 1_000), None);
}

#[test]
fn a_key_that_joined_its_line_beside_a_permit_keeps_its_place_though_it_gives_that_to_others() {
    let limit = sessions(1);
    let holder = Key::new(&limit).hold(1);
    let other = Key::new(&limit).wait();
    let holder = holder.wait_until(0);
    holder.release();
    assert_eq!((other.held(), holder.held()), (1, 0));
    assert_eq!(hopeless(&limit, 1_000), None);
    other.release();
    assert_eq!(holder.held(), 1);
}

#[test]
fn a_deadline_is_not_forgotten_with_those_of_many_that_left() {
    let limit = sessions(1);
    let _holder = Key::new(&limit).hold(1);
    let _key = Key::new(&limit).wait_until(1_000);
    for number in 0..200 {
        let other = Key::new(&limit).wait_until(2_000 + number);
        other.leave();
    }
    assert_eq!(hopeless(&limit, 5_000), Some(1_000));
}

/// A key whose callers have no deadline.
#[derive(Clone)]
struct Patient(Key);

impl Seeker for Patient {
    type Need = ();

    fn number(&self) -> usize {
        self.0.number()
    }

    fn member(&self) -> &Member {
        self.0.member()
    }

    fn seats(&self) -> Option<&Seats> {
        self.0.seats()
    }

    fn reserve(&self) -> Option<()> {
        self.0.reserve()
    }

    fn seeks(&self) -> bool {
        self.0.seeks()
    }

    fn has_none(&self) -> bool {
        self.0.has_none()
    }

    fn is_in_line(&self) -> &AtomicBool {
        self.0.is_in_line()
    }
}

#[test]
fn a_seeker_without_a_deadline_is_never_hopeless() {
    let limit = sessions(1);
    let mut line = Seekers::new(limit.kind());
    let patient = Patient(Key::new(&limit));
    line.add(&patient, &patient.member().account);
    assert_eq!(line.len(), 1);
    assert!(line.hopeless(u64::MAX, |_| Some(u64::MAX)).is_none());
}
