//! The session that is used next, which is taken and given back around the lock.

use super::*;

/// A key whose only session is idle.
fn idle(max: usize) -> Arc<Key> {
    let key = Key::new(max, 1);
    key.use_once(Fate::Keep);
    key
}

#[test]
fn a_waiter_that_joins_while_the_only_session_comes_back_is_served() {
    explore(|| {
        let key = idle(1);
        let slot = key.slots.take_around().expect("it is idle");
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release(slot, Fate::Keep));
        let enqueued = key.enqueue();
        user.join().expect("no panic");
        let slot = match enqueued {
            Err(Enqueued::Slot(slot)) => slot,
            Ok(wait) => match key.leave(wait) {
                Found::Slot(slot) => slot,
                found => panic!("the waiter was forgotten: {found:?}"),
            },
            Err(other) => panic!("{other:?}"),
        };
        key.release(slot, Fate::Keep);
        key.end();
    });
}

#[test]
fn the_only_session_has_one_owner_at_a_time() {
    explore(|| {
        let key = idle(1);
        let owners = Arc::new(AtomicUsize::new(0));
        let users = [(); 2].map(|()| {
            let (key, owners) = (Arc::clone(&key), Arc::clone(&owners));
            thread::spawn(move || {
                if let Some(slot) = key.acquire() {
                    assert_eq!(owners.fetch_add(1, Ordering::SeqCst), 0);
                    owners.fetch_sub(1, Ordering::SeqCst);
                    key.release(slot, Fate::Keep);
                }
            })
        });
        // A look under the lock closes the way around it.
        let counts = key.slots.counts();
        assert_eq!(counts.idle + counts.busy, 1, "{counts:?}");
        for user in users {
            user.join().expect("no panic");
        }
        key.end();
    });
}

#[test]
fn each_hit_is_counted_once_whichever_way_it_went() {
    explore(|| {
        let key = idle(1);
        let other = Arc::clone(&key);
        let user = thread::spawn(move || {
            let slot = other.acquire();
            let is_hit = u64::from(slot.is_some());
            if let Some(slot) = slot {
                other.release(slot, Fate::Keep);
            }
            is_hit
        });
        let looked_at = key.slots.counts().hit_counts.hits;
        let hits = user.join().expect("no panic");
        let counts = key.slots.counts();
        assert_eq!((counts.hit_counts.hits, counts.idle), (hits, 1));
        assert!(looked_at <= hits);
        key.end();
    });
}

#[test]
fn an_eviction_meets_the_only_session_wherever_it_is() {
    explore(|| {
        let key = idle(1);
        let slot = key.slots.take_around().expect("it is idle");
        let other = Arc::clone(&key);
        let user = thread::spawn(move || other.release(slot, Fate::Keep));
        for _ in key.slots.begin_generation().0 {
            key.close();
        }
        let generation = key.slots.generation();
        if let Some(slot) = key.acquire() {
            assert_eq!(slot.member.generation(), generation);
            key.release(slot, Fate::Keep);
        }
        user.join().expect("no panic");
        key.end();
    });
}

#[test]
fn of_two_sessions_each_has_one_owner_whichever_way_it_was_taken() {
    explore(|| {
        let key = Key::new(2, 1);
        let slots = [(); 2].map(|()| key.acquire().expect("served at once"));
        slots
            .into_iter()
            .for_each(|slot| key.release(slot, Fate::Keep));
        let other = Arc::clone(&key);
        let user = thread::spawn(move || {
            // Both may be in use.
            if let Some(slot) = other.acquire() {
                other.release(slot, Fate::Keep);
            }
        });
        let mine = key.acquire().expect("one is idle");
        let theirs = key.acquire();
        assert!(theirs.iter().all(|slot| slot.member.id != mine.member.id));
        for slot in theirs.into_iter().chain([mine]) {
            key.release(slot, Fate::Keep);
        }
        user.join().expect("no panic");
        let counts = key.slots.counts();
        assert_eq!((counts.idle, counts.in_use), (2, 0));
        key.end();
    });
}
