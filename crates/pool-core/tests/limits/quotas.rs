//! Quotas under a limit: what they keep back, and what they lend to others.

use std::sync::Arc;

use crate::{
    doubles::{Answer, Key, quota, seats, sessions},
    shared::{LimitKind, Seeker, SharedLimit},
};

#[test]
fn a_key_at_a_full_quota_keeps_no_other_key_back() {
    let limit = sessions(2);
    let quota = quota(1);
    let holder = Key::under(&limit, &[&quota]).hold(1);
    let key = Key::under(&limit, &[&quota]);
    assert_eq!(key.need(), Answer::AtQuota { is_new: true });
    assert_eq!(key.request(), Answer::AtQuota { is_new: false });
    assert_eq!(quota.waiting(), 1);
    let _other = Key::new(&limit).hold(1);
    let found = limit.quota_of(&key).expect("it waits for the quota");
    assert!(Arc::ptr_eq(&found, &quota));
    holder.release();
    assert_eq!((key.held(), quota.held(), quota.waiting()), (1, 1, 0));
}

#[test]
fn a_quota_whose_permits_are_spoken_for_wants_none_back() {
    let limit = sessions(1);
    let quota = quota(1);
    let holder = Key::new(&limit).hold(1);
    let first = Key::under(&limit, &[&quota]).wait();
    let second = Key::under(&limit, &[&quota]);
    assert_eq!(second.need(), Answer::InLine);
    assert_eq!((limit.shortage(), quota.waiting()), (1, 1));
    assert!(limit.quotas_in_want().is_empty() && !quota.is_wanted());
    assert!(limit.quota_of(&second).is_none(), "it is not full");
    holder.release();
    assert_eq!((first.held(), second.held()), (1, 0));
    assert_eq!(limit.quotas_in_want().len(), 1);
    first.release();
    assert_eq!((first.held(), second.held()), (0, 1));
}

#[test]
fn a_quota_that_becomes_smaller_has_its_keys_wait_in_its_own_line() {
    let limit = sessions(1);
    let quota = quota(2);
    let holder = Key::new(&limit).hold(1);
    let keys = [(); 2].map(|()| Key::under(&limit, &[&quota]).wait());
    let last = Key::new(&limit).wait();
    assert_eq!((limit.shortage(), quota.waiting()), (3, 0));
    limit.set_quota(&quota, 1);
    assert_eq!((limit.shortage(), quota.waiting()), (2, 1));
    limit.set_quota(&quota, 2);
    assert_eq!((limit.shortage(), quota.waiting()), (3, 0));
    limit.set_quota(&quota, 1);
    // The order stays that of their arrival.
    let [first, second] = &keys;
    let held = || [first, second, &last].map(Key::held);
    holder.release();
    assert_eq!(held(), [1, 0, 0]);
    limit.resize(3);
    assert_eq!(held(), [1, 0, 1]);
    limit.set_quota(&quota, 0);
    assert_eq!(held(), [1, 1, 1]);
}

#[test]
fn a_quota_below_what_is_held_wants_permits_back_until_it_is_kept() {
    let limit = sessions(0);
    let quota = quota(2);
    let holder = Key::under(&limit, &[&quota]).hold(2);
    assert!(!quota.has_surplus());
    limit.set_quota(&quota, 1);
    assert!(quota.has_surplus() && quota.is_wanted() && limit.is_wanted());
    let key = Key::under(&limit, &[&quota]).wait();
    holder.release();
    assert!(!quota.has_surplus(), "the quota is kept");
    assert!(quota.is_wanted(), "a key waits");
    assert_eq!(key.held(), 0);
    holder.release();
    assert_eq!(key.held(), 1);
    assert!(!quota.has_surplus() && !quota.is_wanted() && !limit.is_wanted());
}

#[test]
fn a_permit_that_no_key_waits_for_is_taken_within_the_quota_alone() {
    let limit: Arc<SharedLimit<Key>> = SharedLimit::new(LimitKind::Keys, 0);
    let quota = quota(1);
    let places = seats(&[&quota]);
    let key = Key::new(&limit);
    let member = key.member();
    let permit = limit.take(member, Some(&places));
    assert!(permit.is_some() && limit.take(member, Some(&places)).is_none());
    assert!(limit.take(member, None).is_some(), "under no quota");
    drop(permit);
    assert!(limit.take(member, Some(&places)).is_some());
}

#[test]
fn a_permit_counts_under_a_quota_from_the_moment_its_holder_has_a_place_there() {
    let limit = sessions(1);
    let quota = quota(1);
    let key = Key::new(&limit).hold(1);
    let places = seats(&[&quota]);
    let other = Key::under(&limit, &[&quota]).wait();
    assert_eq!((limit.shortage(), quota.waiting()), (1, 0));
    limit.seat(&key, || key.set_seats(Arc::clone(&places)));
    let mut permit = key.take_out();
    limit.adopt(&mut permit, &places);
    limit.adopt(&mut permit, &places);
    assert_eq!(quota.held(), 1, "it counts once");
    assert_eq!((limit.shortage(), quota.waiting()), (0, 1));
    drop(permit);
    assert_eq!((other.held(), quota.held(), quota.waiting()), (1, 1, 0));
}

#[test]
fn a_quota_knows_when_the_number_of_its_endpoint_is_another_one() {
    let quota = quota(1);
    assert_eq!(quota.own(), None);
    assert!(quota.set_own(3));
    assert!(!quota.set_own(3), "the same one");
    assert_eq!(quota.own(), Some(3));
    assert!(quota.set_own(0));
    assert_eq!(quota.own(), None);
}

#[test]
fn a_quota_lists_a_key_as_long_as_one_of_its_seats_is_there() {
    let quota = quota(1);
    for key in [7, 7, 5] {
        quota.add_key(key);
    }
    assert_eq!(quota.keys(), [5, 7]);
    quota.remove_key(7);
    quota.remove_key(9);
    assert_eq!(quota.keys(), [5, 7], "one seat of two");
    quota.remove_key(7);
    quota.remove_key(5);
    assert!(quota.keys().is_empty());
}

#[test]
fn a_quota_is_printed_with_what_it_has_and_may_have() {
    let limit = sessions(0);
    let quota = quota(3);
    let _holder = Key::under(&limit, &[&quota]).hold(2);
    let text = format!("{quota:?}");
    assert_eq!(
        text,
        "Quota { kind: SessionsPerTenant, held: 2, max: 3, .. }"
    );
}
