//! Sessions and slots that change hands.

use super::*;

#[test]
fn a_session_that_is_taken_from_its_user_gives_its_place_to_the_waiter_once() {
    explore(|| {
        let key = Key::new(1, 1);
        let slot = key.acquire().expect("served at once");
        let session = slot.member.clone();
        let ticket = key.wait();
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
        let Found::Slot(slot) = key.leave(ticket) else {
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
        let ticket = key.wait();
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release_as(slot, Fate::Keep, Claim::Rival));
        let leaver = key.leave(key.wait());
        assert!(!matches!(leaver, Found::Failed));
        if let Found::Slot(slot) = leaver {
            key.release(slot, Fate::Keep);
        }
        user.join().expect("no panic");
        let Found::Slot(slot) = key.leave(ticket) else {
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
        if let (Some(slot), _) = key.slots.leave(first) {
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
