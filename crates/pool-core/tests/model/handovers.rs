//! Sessions and slots that change hands.

use super::*;

#[test]
fn a_session_that_is_taken_from_its_user_gives_its_place_to_the_waiter_once() {
    explore(|| {
        let key = Key::new(1, 1);
        let slot = key.acquire().expect("served at once");
        let session = slot.member.clone();
        let wait = key.wait();
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release(slot, Fate::Keep));
        // The session may be the waiter's by now, which then loses it.
        if let Some(wanted) = key.slots.forfeit(&session) {
            key.close();
            if wanted {
                key.connect();
            }
        }
        user.join().expect("no panic");
        let Found::Slot(slot) = key.leave(wait) else {
            panic!("the waiter was forgotten");
        };
        key.release(slot, Fate::Keep);
        key.end();
    });
}

#[test]
fn a_session_of_two_users_that_is_taken_from_them_is_not_counted_for_either() {
    explore(|| {
        let key = Key::new(1, 2);
        let slots = [(); 2].map(|()| key.acquire().expect("served at once"));
        let session = slots[0].member.clone();
        let [first, second] = slots;
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release(first, Fate::Discard));
        if key.slots.forfeit(&session).is_some() {
            key.close();
        }
        key.release(second, Fate::Keep);
        user.join().expect("no panic");
        key.end();
    });
}

#[test]
fn a_session_whose_place_goes_to_another_key_is_closed_and_its_waiter_is_not_forgotten() {
    explore(|| {
        let key = Key::new(1, 1);
        let slot = key.acquire().expect("served at once");
        let wait = key.wait();
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release_as(slot, Fate::Keep, Claim::Rival));
        let leaver = key.leave(key.wait());
        assert!(!matches!(leaver, Found::Failed));
        if let Found::Slot(slot) = leaver {
            key.release(slot, Fate::Keep);
        }
        user.join().expect("no panic");
        let Found::Slot(slot) = key.leave(wait) else {
            panic!("the waiter was forgotten");
        };
        key.release(slot, Fate::Keep);
        key.end();
    });
}

#[test]
fn a_waiter_that_leaves_passes_on_what_it_was_granted() {
    explore(|| {
        let key = Key::new(1, 1);
        let slot = key.acquire().expect("served at once");
        let (first, second) = (key.wait(), key.wait());
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release(slot, Fate::Keep));
        if let (Some(slot), _) = key.slots.leave(first.ticket, &first.cell) {
            key.release(slot, Fate::Undelivered);
        }
        user.join().expect("no panic");
        let Found::Slot(slot) = key.leave(second) else {
            panic!("the slot was lost");
        };
        key.release(slot, Fate::Keep);
        key.end();
    });
}

#[test]
fn a_waiter_that_is_polled_while_its_slot_is_on_its_way_is_woken_by_its_last_waker() {
    explore(|| {
        let key = Key::new(1, 1);
        let slot = key.acquire().expect("served at once");
        let Wait {
            ticket, mut cell, ..
        } = key.wait();
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.slots.release(slot, Fate::Keep, |_| Claim::Own));
        let last = Waker::from(std::sync::Arc::new(Last));
        let polled = key.slots.poll(ticket, &mut cell, &last);
        let released = user.join().expect("no panic");
        let slot = match polled {
            Poll::Ready(Some(Ok(slot))) => slot,
            Poll::Pending => {
                let ReleaseOutcome::Handover(served) = released else {
                    panic!("the waiter was forgotten: {released:?}");
                };
                assert!(served.waker.will_wake(&last));
                let polled = key.slots.poll(ticket, &mut cell, &last);
                let Poll::Ready(Some(Ok(slot))) = polled else {
                    panic!("woken for nothing: {polled:?}");
                };
                slot
            }
            other => panic!("{other:?}"),
        };
        key.release(slot, Fate::Keep);
        key.end();
    });
}

/// Wakes nothing: it only differs from others.
struct Last;

impl std::task::Wake for Last {
    fn wake(self: std::sync::Arc<Self>) {}
}
