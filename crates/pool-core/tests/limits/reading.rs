//! What others read of a limit: what is wanted back, and of which holder.

use std::num::NonZeroU32;

use crate::{
    doubles::{Key, account, quota, seats, sessions},
    shared::Account,
};

#[test]
fn a_permit_is_wanted_back_while_a_key_waits_for_the_limit() {
    let limit = sessions(1);
    assert!(!limit.is_wanted() && !limit.is_short() && !limit.has_waiters());
    let holder = Key::new(&limit).hold(1);
    assert!(!limit.is_wanted(), "no key waits");
    let keys = [(); 2].map(|()| Key::new(&limit).wait());
    assert!(limit.is_wanted() && limit.is_short() && limit.has_waiters());
    assert_eq!(limit.shortage(), 2);
    keys.iter().for_each(Key::leave);
    assert!(!limit.is_wanted() && !limit.is_short() && !limit.has_waiters());
    holder.release();
}

#[test]
fn what_a_quota_wants_back_is_wanted_and_leaves_the_limit_as_long_as_it_is() {
    let limit = sessions(0);
    let quota = quota(1);
    let _holder = Key::under(&limit, &[&quota]).hold(1);
    let key = Key::under(&limit, &[&quota]).wait();
    assert!(limit.is_wanted() && quota.is_wanted());
    assert!(!limit.is_short() && !limit.has_waiters());
    key.leave();
    assert!(!limit.is_wanted() && !quota.is_wanted());
    assert_eq!(quota.waiting(), 0);
    let again = Key::under(&limit, &[&quota]).wait();
    again.leave();
    assert!(!limit.is_wanted());
}

#[test]
fn permits_above_a_lower_limit_are_wanted_back() {
    let limit = sessions(3);
    let holder = Key::new(&limit).hold(3);
    assert!(!limit.has_surplus());
    limit.resize(1);
    assert!(limit.has_surplus() && limit.is_wanted());
    assert_eq!(limit.shortage(), 2);
    holder.release();
    holder.release();
    assert!(!limit.has_surplus() && !limit.is_wanted());
}

#[test]
fn a_limit_is_exhausted_only_while_a_permit_is_wanted_back() {
    let limit = sessions(1);
    let _holder = Key::new(&limit).hold(1);
    limit.set_exhausted();
    assert!(!limit.is_exhausted(), "no permit is wanted");
    let key = Key::new(&limit).wait();
    limit.set_exhausted();
    assert!(limit.is_exhausted());
    let other = Key::new(&limit).wait();
    assert!(limit.is_exhausted(), "one more changes nothing");
    other.leave();
    assert!(limit.is_exhausted());
    key.leave();
    assert!(!limit.is_exhausted());
}

#[test]
fn a_quota_is_exhausted_only_while_a_permit_of_it_is_wanted_back() {
    let limit = sessions(0);
    let quota = quota(1);
    let _holder = Key::under(&limit, &[&quota]).hold(1);
    limit.set_quota_exhausted(&quota);
    assert!(!quota.is_exhausted(), "no permit is wanted");
    let key = Key::under(&limit, &[&quota]).wait();
    limit.set_quota_exhausted(&quota);
    assert!(quota.is_exhausted());
    key.leave();
    assert!(!quota.is_exhausted());
}

#[test]
fn a_holder_that_has_more_than_its_share_gives_a_permit_at_once() {
    let limit = sessions(2);
    let rich = account();
    let fixed = Account::new(NonZeroU32::MIN, false);
    let _held = Key::of(&limit, &rich).hold(2);
    assert!(!limit.is_yielded_by(&rich, || true), "no key waits");
    let key = Key::new(&limit).wait();
    assert!(limit.is_yielded_by(&rich, || false));
    assert!(!limit.is_yielded_by(&fixed, || true), "its permits stay");
    key.leave();
    assert!(!limit.is_yielded_by(&rich, || true));
}

#[test]
fn of_one_account_a_key_that_has_none_gets_a_permit_at_the_end_of_a_turn() {
    let limit = sessions(1);
    let account = account();
    let holder = Key::of(&limit, &account).hold(1);
    let yields = |is_turn_over| limit.is_yielded_by(&account, || is_turn_over);
    let poor = Key::of(&limit, &account).wait();
    assert_eq!((yields(false), yields(true)), (false, true));
    poor.leave();
    // One that has a permit waits for its own turn to end.
    let holder = holder.wait();
    assert_eq!((yields(false), yields(true)), (false, false));
    holder.leave();
}

#[test]
fn a_holder_gives_a_permit_to_one_that_waits_for_a_quota_of_both() {
    let limit = sessions(0);
    let quota = quota(2);
    let seats = seats(&[&quota]);
    let holder = Key::new(&limit);
    holder.set_seats(seats.clone());
    let _holder = holder.hold(2);
    let yields = |is_turn_over| seats[0].is_yielded(limit.kind(), || is_turn_over);
    assert!(!yields(true), "no key waits");
    let key = Key::under(&limit, &[&quota]).wait();
    assert!(yields(false));
    key.leave();
    assert!(!yields(true));
}
