//! A shared limit and its quotas under a model checker: every interleaving of request, release, leave,
//! resize and close that loom can find, up to a bound on preemptions.
//!
//! The source is the crate's own; only its lock and the flags that are read without it are loom's.

#[path = "../../src/limits/deadlines.rs"]
#[allow(dead_code, unreachable_pub, reason = "the model uses a part of it")]
mod deadlines;

#[path = "../../src/limits/line/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the model uses a part of it")]
mod line;

#[path = "../../src/limits/shared/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the model uses a part of it"
)]
mod shared;

#[path = "../../src/types/limits/quota_kind.rs"]
#[allow(dead_code, unreachable_pub, reason = "the model uses a part of it")]
mod quota_kind;

mod types {
    pub(crate) use crate::quota_kind::QuotaKind;
}

/// loom's lock and flags in place of the crate's own.
mod sync {
    pub(crate) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    };

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex
            .lock()
            .expect("no thread of a model panics while it holds the lock")
    }
}

use std::{num::NonZeroU32, sync::Arc};

use loom::thread;
use shared::{
    Account, Grant, Grantee, LimitKind, Member, Permit, Quota, Requested, Seat, Seats, Seeker,
    SharedLimit,
};
use sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock};
use types::QuotaKind;

/// A key of the model, which needs so many permits more.
#[derive(Clone)]
struct Key(Arc<Inner>);

struct Inner {
    member: Member,
    seats: Option<Seats>,
    needs: AtomicUsize,
    is_in_line: AtomicBool,
    permits: Mutex<Vec<Permit<Key>>>,
    /// Whether a session of it is idle.
    has_idle: Mutex<bool>,
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
        self.0.seats.as_ref()
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
        true
    }

    fn is_in_line(&self) -> &AtomicBool {
        &self.0.is_in_line
    }
}

impl Grantee for Key {
    fn begin(grant: Grant<Self>) -> Result<(), Grant<Self>> {
        lock(&grant.seeker.0.permits).push(grant.permit);
        Ok(())
    }
}

impl Key {
    fn new(account: &Arc<Account>, seats: Option<Seats>) -> Self {
        Self(Arc::new(Inner {
            member: Member {
                account: Arc::clone(account),
                lane: 0,
            },
            seats,
            needs: AtomicUsize::new(0),
            is_in_line: AtomicBool::new(false),
            permits: Mutex::new(Vec::new()),
            has_idle: Mutex::new(false),
        }))
    }

    fn held(&self) -> usize {
        lock(&self.0.permits).len()
    }

    /// Requests one permit, as a caller does that comes.
    fn need(&self, limit: &Arc<SharedLimit<Self>>) {
        self.0.needs.fetch_add(1, Ordering::SeqCst);
        while let Requested::Granted(grant) = limit.request(self) {
            assert!(Self::begin(grant).is_ok());
        }
    }

    /// The caller leaves, as a key does whose waiters are gone.
    fn leave(&self, limit: &Arc<SharedLimit<Self>>) {
        self.0.needs.store(0, Ordering::SeqCst);
        if self.0.is_in_line.load(Ordering::SeqCst) {
            limit.settle(self);
        }
    }

    fn release(&self) {
        let permit = lock(&self.0.permits).pop();
        drop(permit);
    }

    fn release_all(&self) {
        while self.held() > 0 {
            self.release();
        }
    }
}

/// A limit, a quota of one under it where there is one, and two keys.
struct World {
    limit: Arc<SharedLimit<Key>>,
    quota: Option<Arc<Quota>>,
    keys: [Key; 2],
}

impl World {
    /// One permit in all for both keys: by the limit, or by their quota.
    fn of_one(by_quota: bool) -> Self {
        let account = || Account::new(NonZeroU32::MIN, true);
        let quota = by_quota.then(|| Quota::new(QuotaKind::SessionsPerTenant, 1));
        let seats = quota.as_ref().map(|quota| -> Seats {
            let seat = Seat {
                quota: Arc::clone(quota),
                account: account(),
            };
            [seat].into()
        });
        let max = if by_quota { 0 } else { 1 };
        Self {
            limit: SharedLimit::new(LimitKind::Sessions, max),
            keys: [(); 2].map(|()| Key::new(&account(), seats.clone())),
            quota,
        }
    }

    fn taken(&self) -> usize {
        self.keys.iter().map(Key::held).sum()
    }

    /// Nothing is lost: what is taken is held, and all of it comes back.
    fn end(&self) {
        let taken = self.taken();
        assert_eq!(self.limit.taken(), taken);
        assert!(taken <= 1, "{taken} permits of one");
        if let Some(quota) = &self.quota {
            assert_eq!(quota.held(), taken);
        }
        for key in &self.keys {
            key.leave(&self.limit);
        }
        self.keys.iter().for_each(Key::release_all);
        assert_eq!((self.limit.taken(), self.limit.is_wanted()), (0, false));
    }
}

fn explore(model: impl Fn(bool) + Sync + Send + Copy + 'static) {
    for by_quota in [false, true] {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || model(by_quota));
    }
}

#[test]
fn a_permit_that_is_released_reaches_a_seeker_that_comes_meanwhile() {
    explore(|by_quota| {
        let world = World::of_one(by_quota);
        let [holder, seeker] = world.keys.clone();
        holder.need(&world.limit);
        let releases = thread::spawn(move || holder.release());
        seeker.need(&world.limit);
        releases.join().expect("no panic");
        assert_eq!(seeker.held(), 1, "forgotten");
        world.end();
    });
}

#[test]
fn of_two_seekers_one_is_served_and_the_other_one_afterwards() {
    explore(|by_quota| {
        let world = World::of_one(by_quota);
        let threads = world.keys.clone().map(|key| {
            let limit = Arc::clone(&world.limit);
            thread::spawn(move || key.need(&limit))
        });
        for thread in threads {
            thread.join().expect("no panic");
        }
        assert_eq!(world.taken(), 1);
        let [first, second] = &world.keys;
        let (served, waits) = match first.held() {
            1 => (first, second),
            _ => (second, first),
        };
        served.release();
        assert_eq!(waits.held(), 1, "forgotten");
        world.end();
    });
}

#[test]
fn a_seeker_that_leaves_while_a_permit_is_released_keeps_none_from_others() {
    explore(|by_quota| {
        let world = World::of_one(by_quota);
        let [holder, leaver] = world.keys.clone();
        holder.need(&world.limit);
        leaver.need(&world.limit);
        let other = holder.clone();
        let releases = thread::spawn(move || other.release());
        leaver.leave(&world.limit);
        releases.join().expect("no panic");
        // It was served before it left, or has left.
        leaver.release_all();
        holder.need(&world.limit);
        assert_eq!(holder.held(), 1, "a permit is lost");
        world.end();
    });
}

#[test]
fn an_idle_session_is_seen_by_its_releaser_or_by_the_search_for_one() {
    explore(|by_quota| {
        let world = World::of_one(by_quota);
        let [holder, seeker] = world.keys.clone();
        holder.need(&world.limit);
        let (limit, quota) = (Arc::clone(&world.limit), world.quota.clone());
        let user = holder.clone();
        let releases = thread::spawn(move || {
            *lock(&user.0.has_idle) = true;
            let is_wanted = limit.is_wanted() && quota.is_none_or(|quota| quota.is_wanted());
            if is_wanted {
                user.release();
            }
        });
        seeker.need(&world.limit);
        // The search begins after the seeker waits.
        let found = *lock(&holder.0.has_idle);
        releases.join().expect("no panic");
        assert!(found || seeker.held() == 1, "neither has seen the other");
        world.end();
    });
}

#[test]
fn a_higher_limit_or_quota_reaches_a_seeker_that_comes_meanwhile() {
    explore(|by_quota| {
        let world = World::of_one(by_quota);
        let [holder, seeker] = world.keys.clone();
        holder.need(&world.limit);
        let (limit, quota) = (Arc::clone(&world.limit), world.quota.clone());
        let raises = thread::spawn(move || match &quota {
            Some(quota) => limit.set_quota(quota, 2),
            None => limit.resize(2),
        });
        seeker.need(&world.limit);
        raises.join().expect("no panic");
        assert_eq!((holder.held(), seeker.held()), (1, 1), "forgotten");
        holder.release();
        world.end();
    });
}

#[test]
fn a_seeker_at_a_limit_that_closes_is_served_or_ended() {
    explore(|by_quota| {
        let world = World::of_one(by_quota);
        let [holder, seeker] = world.keys.clone();
        holder.need(&world.limit);
        let limit = Arc::clone(&world.limit);
        let closes = thread::spawn(move || limit.close().len());
        seeker.need(&world.limit);
        let ended = closes.join().expect("no panic");
        assert_eq!(seeker.held(), 0);
        assert!(ended <= 1);
        holder.release();
        assert_eq!(seeker.held(), 0, "served after the end");
        world.end();
    });
}
