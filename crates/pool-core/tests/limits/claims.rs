//! A key of two quotas that are full in turns, which would starve without a claim.

use std::sync::Arc;

use crate::{
    doubles::{Answer, Key, quota, sessions},
    shared::{Quota, SharedLimit},
};

/// Two quotas with a holder each, and a key that waits for both.
struct World {
    limit: Arc<SharedLimit<Key>>,
    narrow: Arc<Quota>,
    wide: Arc<Quota>,
    of_narrow: Key,
    of_wide: Key,
    key: Key,
}

impl World {
    fn new(narrow: usize) -> Self {
        let limit = sessions(0);
        let quotas = [quota(narrow), quota(1)];
        let [of_narrow, of_wide] = quotas.each_ref().map(|quota| Key::under(&limit, &[quota]));
        let [narrow, wide] = quotas;
        let of_narrow = of_narrow.hold(narrow.max());
        Self {
            of_narrow,
            of_wide: of_wide.hold(1),
            key: Key::under(&limit, &[&narrow, &wide]).wait(),
            limit,
            narrow,
            wide,
        }
    }

    /// A permit of the narrow quota comes back, and another key needs one.
    fn turn_at_narrow(&self) -> Answer {
        self.of_narrow.release();
        assert_eq!(self.key.held(), 0);
        self.of_narrow.need()
    }

    /// As above, for the wide quota.
    fn turn_at_wide(&self) -> Answer {
        self.of_wide.release();
        assert_eq!(self.key.held(), 0);
        self.of_wide.need()
    }

    /// The key has lost four turns, and its fifth one is at the narrow quota: it claims a permit there.
    fn with_claim(narrow: usize) -> Self {
        let world = Self::new(narrow);
        for _ in 0..2 {
            assert_eq!(world.turn_at_narrow(), Answer::Granted);
            assert_eq!(world.turn_at_wide(), Answer::Granted);
            assert!(!world.narrow.is_claimed() && !world.wide.is_claimed());
        }
        let answer = world.turn_at_narrow();
        assert_eq!(answer, Answer::InLine, "the permit is kept for the key");
        assert!(world.narrow.is_claimed() && !world.wide.is_claimed());
        world
    }
}

#[test]
fn a_key_of_two_full_quotas_claims_a_permit_of_the_one_and_is_served_at_the_other_one() {
    let world = World::with_claim(1);
    assert_eq!(world.narrow.held(), 0, "kept");
    world.of_wide.release();
    assert_eq!(world.key.held(), 1);
    assert!(!world.narrow.is_claimed());
    world.key.release();
    assert_eq!(world.of_narrow.held(), 1, "the key behind it");
    assert_eq!((world.narrow.held(), world.wide.held()), (1, 0));
    // Another one may claim a permit now, and none is kept back.
    world.of_narrow.release();
    assert_eq!(world.of_narrow.need(), Answer::Granted);
}

#[test]
fn a_key_that_leaves_gives_up_its_claim_to_those_behind_it() {
    let world = World::with_claim(1);
    world.key.leave();
    assert!(!world.narrow.is_claimed() && !world.key.waits());
    assert_eq!(world.of_narrow.held(), 1);
    world.of_narrow.release();
    assert_eq!(world.of_narrow.need(), Answer::Granted);
    assert_eq!((world.narrow.waiting(), world.wide.waiting()), (0, 0));
}

#[test]
fn one_permit_of_a_quota_is_kept_by_a_claim_at_most() {
    let world = World::with_claim(2);
    assert_eq!((world.narrow.held(), world.narrow.waiting()), (1, 1));
    // The one that waits leaves, and comes back as soon as a permit is there.
    world.of_narrow.leave();
    world.of_narrow.release();
    assert_eq!(world.of_narrow.need(), Answer::Granted);
    let other = Key::under(&world.limit, &[&world.narrow]);
    assert_eq!(other.need(), Answer::InLine, "claimed");
}

#[test]
fn a_claim_ends_where_the_quota_has_become_too_small_for_it() {
    let world = World::with_claim(2);
    world.limit.set_quota(&world.narrow, 1);
    world.of_wide.release();
    assert_eq!((world.key.held(), world.key.waits()), (0, true));
    assert!(!world.narrow.is_claimed());
    assert_eq!(world.wide.waiting(), 0, "it waits for the narrow one");
    world.limit.set_quota(&world.narrow, 0);
    assert_eq!((world.key.held(), world.of_narrow.held()), (1, 2));
    assert_eq!((world.narrow.held(), world.wide.held()), (3, 1));
}

#[test]
fn a_key_that_needs_no_permit_when_it_comes_again_gives_up_its_claim_to_those_behind_it() {
    let world = World::with_claim(1);
    world.key.forgo();
    assert_eq!(world.key.request(), Answer::Nothing);
    assert!(!world.narrow.is_claimed() && !world.key.waits());
    assert_eq!(world.of_narrow.held(), 1);
}
