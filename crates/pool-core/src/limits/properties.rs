//! What holds of a limit with quotas, whatever is done with it.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use proptest::prelude::*;

use super::shared::{
    Account, Grant, Grantee, LimitKind, Member, Permit, Quota, Requested, Seat, Seats, Seeker,
    SharedLimit,
};
use crate::types::QuotaKind;

/// A seeker that needs so many permits more.
#[derive(Clone)]
struct Key(Arc<Inner>);

struct Inner {
    member: Member,
    seats: Seats,
    needs: AtomicUsize,
    is_in_line: AtomicBool,
    permits: Mutex<Vec<Permit<Key>>>,
}

impl Seeker for Key {
    type Need = ();

    fn number(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn member(&self) -> &Member {
        &self.0.member
    }

    fn seats(&self) -> Option<&Seats> {
        Some(&self.0.seats)
    }

    fn reserve(&self) -> Option<()> {
        let less = |needs: usize| needs.checked_sub(1);
        let needs = &self.0.needs;
        let reserved = needs.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        reserved.ok().map(drop)
    }

    fn seeks(&self) -> bool {
        self.0.needs.load(Ordering::SeqCst) > 0
    }

    fn has_none(&self) -> bool {
        // The limit may be in the middle of a grant; the model only needs the beginning.
        self.0
            .permits
            .try_lock()
            .is_ok_and(|permits| permits.is_empty())
    }

    fn is_in_line(&self) -> &AtomicBool {
        &self.0.is_in_line
    }
}

impl Grantee for Key {
    fn begin(grant: Grant<Self>) -> Result<(), Grant<Self>> {
        let permits = &grant.seeker.0.permits;
        permits.lock().unwrap().push(grant.permit);
        Ok(())
    }
}

/// A limit, its quotas and its seekers.
struct World {
    limit: Arc<SharedLimit<Key>>,
    max: usize,
    quotas: Vec<(Arc<Quota>, usize)>,
    keys: Vec<Key>,
}

/// What may be done.
#[derive(Clone, Debug)]
enum Step {
    /// A key needs so many more.
    Need(usize, usize),
    /// A key needs none any more.
    Leave(usize),
    /// A key gives one back.
    Release(usize),
    Resize(usize),
    Quota(usize, usize),
}

/// Keys of two principals at two endpoints: each has its own quota, which is 0 for none.
const PRINCIPALS: usize = 2;
const ENDPOINTS: usize = 2;
const KEYS: usize = 8;

impl World {
    fn new(max: usize, numbers: &[usize]) -> Self {
        let kinds = [
            QuotaKind::SessionsPerPrincipal,
            QuotaKind::SessionsPerEndpoint,
        ];
        let quotas: Vec<_> = (0..PRINCIPALS + ENDPOINTS)
            .map(|n| (Quota::new(kinds[n / PRINCIPALS], numbers[n]), numbers[n]))
            .collect();
        let account = || Account::new(NonZeroU32::MIN, true);
        let shares: Vec<_> = (0..PRINCIPALS).map(|_| account()).collect();
        // Of each principal under each quota.
        let under: Vec<Vec<_>> = quotas
            .iter()
            .map(|_| (0..PRINCIPALS).map(|_| account()).collect())
            .collect();
        let keys = (0..KEYS).map(|n| {
            let (principal, endpoint) = (n % PRINCIPALS, n / PRINCIPALS % ENDPOINTS);
            let seats = [principal, PRINCIPALS + endpoint].map(|quota| Seat {
                quota: Arc::clone(&quotas[quota].0),
                account: Arc::clone(&under[quota][principal]),
            });
            Key(Arc::new(Inner {
                member: Member {
                    account: Arc::clone(&shares[principal]),
                    lane: 0,
                },
                seats: seats.into(),
                needs: AtomicUsize::new(0),
                is_in_line: AtomicBool::new(false),
                permits: Mutex::default(),
            }))
        });
        Self {
            limit: SharedLimit::new(LimitKind::Sessions, max),
            max,
            keys: keys.collect(),
            quotas,
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Need(key, count) => {
                let key = &self.keys[key];
                key.0.needs.fetch_add(count, Ordering::SeqCst);
                while let Requested::Granted(grant) = self.limit.request(key) {
                    Key::begin(grant).unwrap_or_else(|_| unreachable!());
                }
            }
            Step::Leave(key) => {
                self.keys[key].0.needs.store(0, Ordering::SeqCst);
                self.limit.settle(&self.keys[key]);
            }
            Step::Release(key) => {
                let permit = self.keys[key].0.permits.lock().unwrap().pop();
                drop(permit);
            }
            Step::Resize(max) => {
                self.max = max;
                self.limit.resize(max);
            }
            Step::Quota(quota, max) => {
                self.quotas[quota].1 = max;
                let quota = Arc::clone(&self.quotas[quota].0);
                self.limit.set_quota(&quota, max);
            }
        }
    }

    fn held_under(&self, quota: &Arc<Quota>) -> usize {
        let is_under = |key: &&Key| key.0.seats.iter().any(|it| Arc::ptr_eq(&it.quota, quota));
        let keys = self.keys.iter().filter(is_under);
        keys.map(|key| key.0.permits.lock().unwrap().len()).sum()
    }

    fn has_room(&self, quota: &Arc<Quota>) -> bool {
        let known = self
            .quotas
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, quota));
        let max = known.expect("one of the quotas").1;
        let claimed = usize::from(quota.is_claimed());
        max == 0 || self.held_under(quota) + claimed < max
    }

    /// No permit that is free waits for a seeker that may have it, and all counts are true.
    fn check(&self, before: &[usize]) -> Result<(), TestCaseError> {
        let held: Vec<_> = self
            .quotas
            .iter()
            .map(|(it, _)| self.held_under(it))
            .collect();
        for (n, (quota, max)) in self.quotas.iter().enumerate() {
            prop_assert_eq!(quota.held(), held[n]);
            // One that was lowered is exceeded until permits come back, and grows no further.
            let most = if *max == 0 { usize::MAX } else { *max };
            prop_assert!(held[n] <= most.max(before[n]), "{} of {}", held[n], max);
        }
        let taken: usize = self
            .keys
            .iter()
            .map(|key| key.0.permits.lock().unwrap().len())
            .sum();
        prop_assert_eq!(self.limit.taken(), taken);
        let is_free = self.max == 0 || taken < self.max;
        for key in &self.keys {
            let may_have = key.0.seats.iter().all(|seat| self.has_room(&seat.quota));
            prop_assert!(
                !(is_free && key.seeks() && may_have),
                "a free permit is not used"
            );
            prop_assert_eq!(key.0.is_in_line.load(Ordering::SeqCst), key.seeks());
        }
        let waiting = self.keys.iter().any(Key::seeks);
        prop_assert_eq!(self.limit.is_wanted(), waiting || self.is_exceeded(taken));
        Ok(())
    }

    fn is_exceeded(&self, taken: usize) -> bool {
        let is_above = |held: usize, max: usize| max > 0 && held > max;
        let mut quotas = self.quotas.iter();
        is_above(taken, self.max) || quotas.any(|(it, max)| is_above(it.held(), *max))
    }

    fn held(&self) -> Vec<usize> {
        self.quotas
            .iter()
            .map(|(it, _)| self.held_under(it))
            .collect()
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => ((0..KEYS), 1..3_usize).prop_map(|(key, count)| Step::Need(key, count)),
        1 => (0..KEYS).prop_map(Step::Leave),
        5 => (0..KEYS).prop_map(Step::Release),
        1 => (0..6_usize).prop_map(Step::Resize),
        1 => ((0..PRINCIPALS + ENDPOINTS), 0..4_usize).prop_map(|(quota, max)| Step::Quota(quota, max)),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn quotas_hold_and_no_free_permit_waits_for_a_seeker_that_may_have_it(
        max in 0..6_usize,
        numbers in proptest::collection::vec(0..4_usize, PRINCIPALS + ENDPOINTS),
        steps in steps(),
    ) {
        let mut world = World::new(max, &numbers);
        for step in &steps {
            let before = world.held();
            world.run(step);
            world.check(&before)?;
        }
    }

    #[test]
    fn every_seeker_is_served_while_others_need_more_without_end(
        max in 1..4_usize,
        numbers in proptest::collection::vec(0..3_usize, PRINCIPALS + ENDPOINTS),
        late in 0..KEYS,
    ) {
        let mut world = World::new(max, &numbers);
        for key in (0..KEYS).filter(|key| *key != late) {
            world.run(&Step::Need(key, 10_000));
        }
        world.run(&Step::Need(late, 1));
        // Each round all give back what they have, and get as much again.
        for _ in 0..20 * KEYS {
            for key in (0..KEYS).filter(|key| *key != late) {
                world.run(&Step::Release(key));
            }
        }
        prop_assert!(!world.keys[late].seeks(), "starved");
    }
}
