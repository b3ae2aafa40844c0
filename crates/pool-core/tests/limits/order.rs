//! Who is served next.

use std::sync::Arc;

use crate::{
    doubles::{Answer, Key, account, quota, sessions},
    shared::{Account, LimitKind, Seeker, SharedLimit},
};

#[test]
fn a_permit_that_comes_back_goes_to_the_account_that_holds_the_least() {
    let limit = sessions(6);
    let (rich, other) = (account(), account());
    let holder = Key::of(&limit, &rich).hold(3);
    let _held = Key::of(&limit, &other).hold(2);
    let third = Key::new(&limit).hold(1);
    let of_other = Key::of(&limit, &other).wait();
    let of_rich = Key::of(&limit, &rich).wait();
    // Under a lower limit no permit that comes back is free.
    limit.resize(3);
    (0..3).for_each(|_| holder.release());
    assert_eq!((of_other.held(), of_rich.held()), (0, 0));
    third.release();
    assert_eq!((of_other.held(), of_rich.held()), (0, 1));
}

#[test]
fn of_two_accounts_that_are_as_poor_each_has_its_turn() {
    let limit = sessions(1);
    let holder = Key::new(&limit).hold(1);
    let accounts = [account(), account()];
    let keys = accounts.map(|account| [(); 2].map(|()| Key::of(&limit, &account).wait()));
    let [[first, third], [second, fourth]] = &keys;
    let mut holds = &holder;
    for next in [first, second, third, fourth] {
        holds.release();
        assert_eq!(next.held(), 1);
        holds = next;
    }
}

/// Two accounts that wait for one permit: one that was served a session before, and one that came anew in
/// between. Returns whether the one that comes back is served first.
fn comes_first_again(limit: &Arc<SharedLimit<Key>>) -> bool {
    let back = served_before();
    let holder = Key::new(limit).hold(1);
    let new = Key::new(limit).wait();
    let back = Key::of(limit, &back).wait();
    holder.release();
    assert_eq!(new.held() + back.held(), 1);
    back.held() == 1
}

/// An account that was served a session, and holds none.
fn served_before() -> Arc<Account> {
    let limit = sessions(1);
    let account = account();
    let holder = Key::new(&limit).hold(1);
    let key = Key::of(&limit, &account).wait();
    holder.release();
    key.release();
    account
}

#[test]
fn an_account_that_comes_back_for_a_session_keeps_the_turn_of_its_last_one() {
    assert!(comes_first_again(&sessions(1)));
}

#[test]
fn calls_of_accounts_that_are_as_poor_are_served_in_the_order_of_their_arrival() {
    assert!(!comes_first_again(&SharedLimit::new(LimitKind::Calls, 1)));
}

#[test]
fn a_call_that_is_served_changes_no_turn_for_sessions() {
    let back = account();
    let calls = SharedLimit::new(LimitKind::Calls, 1);
    let holder = Key::new(&calls).hold(1);
    let call = Key::of(&calls, &back).wait();
    holder.release();
    call.release();
    let limit = sessions(1);
    let holder = Key::new(&limit).hold(1);
    let new = Key::new(&limit).wait();
    let back = Key::of(&limit, &back).wait();
    holder.release();
    assert_eq!((new.held(), back.held()), (1, 0));
}

#[test]
fn a_caller_sees_how_many_are_ahead_of_it() {
    let limit = sessions(1);
    let held = account();
    assert_eq!(limit.ahead_of(&held), 0);
    let _holder = Key::of(&limit, &held).hold(1);
    let accounts = [account(), account(), account()];
    let mut keys = Vec::new();
    for (account, waiting) in accounts.iter().zip([1, 5, 5]) {
        keys.extend((0..waiting).map(|_| Key::of(&limit, account).wait()));
    }
    let ahead = |account| limit.ahead_of(account);
    // One of its own, and two of each other account.
    assert_eq!(ahead(&accounts[0]), 5);
    assert_eq!(ahead(&accounts[1]), 11, "no more than wait");
    assert_eq!(ahead(&held), 3, "one of each account");
}

#[test]
fn a_key_that_needs_two_permits_waits_for_the_second_one_as_well() {
    let limit = sessions(1);
    let holder = Key::new(&limit).hold(1);
    let key = Key::new(&limit).wait();
    assert_eq!(key.need(), Answer::InLine);
    holder.release();
    assert_eq!((key.held(), key.waits()), (1, true));
    limit.resize(2);
    assert_eq!((key.held(), key.waits()), (2, false));
}

#[test]
fn a_key_leaves_its_line_only_once_it_needs_no_permit() {
    let limit = sessions(1);
    let holder = Key::new(&limit).hold(1);
    let key = Key::new(&limit).wait();
    key.settle();
    assert!(key.waits() && limit.has_waiters());
    key.leave();
    assert!(!key.waits() && !limit.has_waiters());
    holder.release();
    assert_eq!((key.held(), limit.taken()), (0, 0));
}

#[test]
fn all_that_wait_leave_a_limit_that_closes_each_quota_in_the_order_in_which_its_line_began() {
    let limit = sessions(8);
    let quotas = [(); 8].map(|()| quota(1));
    let holders = quotas
        .each_ref()
        .map(|quota| Key::under(&limit, &[quota]).hold(1));
    let waiting = quotas
        .each_ref()
        .map(|quota| Key::under(&limit, &[quota]).wait());
    let last = Key::new(&limit).wait();
    let in_want = limit.quotas_in_want();
    let same = |(quota, other)| Arc::ptr_eq(quota, other);
    assert!(in_want.iter().zip(&quotas).all(same));
    let ended: Vec<_> = limit.close().iter().map(number).collect();
    let expected: Vec<_> = waiting.iter().chain([&last]).map(number).collect();
    assert_eq!(ended, expected);
    holders.iter().for_each(Key::release);
    assert_eq!(limit.taken(), 0, "no permit is granted any more");
    assert_eq!(last.request(), Answer::Nothing);
}

fn number(key: &Key) -> usize {
    key.number()
}
