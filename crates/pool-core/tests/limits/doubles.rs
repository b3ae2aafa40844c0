//! Keys that seek permits, without a pool.

use std::{
    num::NonZeroU32,
    sync::{Arc, OnceLock},
};

use crate::{
    shared::{
        Account, Grant, Grantee, LimitKind, Member, Permit, Quota, Requested, Seat, Seats, Seeker,
        SharedLimit,
    },
    sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, lock},
    types::QuotaKind,
};

/// A key at a limit, which needs so many permits more.
#[derive(Clone)]
pub(crate) struct Key(Arc<Inner>);

struct Inner {
    limit: Arc<SharedLimit<Key>>,
    member: Member,
    seats: OnceLock<Seats>,
    needs: AtomicUsize,
    /// How many permits it has, with those on their way.
    has: AtomicUsize,
    /// The next deadline of its callers; [`u64::MAX`] for none.
    deadline: AtomicU64,
    is_in_line: AtomicBool,
    permits: Mutex<Vec<Permit<Key>>>,
}

/// What a key sees of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Granted,
    InLine,
    AtQuota { is_new: bool },
    Nothing,
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
        self.0.seats.get()
    }

    fn reserve(&self) -> Option<()> {
        if !self.seeks() {
            return None;
        }
        self.0.needs.fetch_sub(1, Ordering::Relaxed);
        self.0.has.fetch_add(1, Ordering::Relaxed);
        Some(())
    }

    fn seeks(&self) -> bool {
        self.0.needs.load(Ordering::Relaxed) > 0
    }

    fn has_none(&self) -> bool {
        self.0.has.load(Ordering::Relaxed) == 0
    }

    fn next_deadline(&self) -> Option<u64> {
        let deadline = self.0.deadline.load(Ordering::Relaxed);
        (deadline < u64::MAX).then_some(deadline)
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
    /// A key of this account at a limit.
    pub(crate) fn of(limit: &Arc<SharedLimit<Self>>, account: &Arc<Account>) -> Self {
        Self(Arc::new(Inner {
            limit: Arc::clone(limit),
            member: Member {
                account: Arc::clone(account),
                lane: 0,
            },
            seats: OnceLock::new(),
            needs: AtomicUsize::new(0),
            has: AtomicUsize::new(0),
            deadline: AtomicU64::new(u64::MAX),
            is_in_line: AtomicBool::new(false),
            permits: Mutex::default(),
        }))
    }

    /// A key of an account of its own.
    pub(crate) fn new(limit: &Arc<SharedLimit<Self>>) -> Self {
        Self::of(limit, &account())
    }

    /// A key of an account of its own, also under each of these quotas.
    pub(crate) fn under(limit: &Arc<SharedLimit<Self>>, quotas: &[&Arc<Quota>]) -> Self {
        let key = Self::new(limit);
        key.set_seats(seats(quotas));
        key
    }

    /// Gives the key places under quotas, which it had none under before.
    pub(crate) fn set_seats(&self, seats: Seats) {
        assert!(self.0.seats.set(seats).is_ok(), "it has places");
    }

    pub(crate) fn set_deadline(&self, deadline: u64) {
        self.0.deadline.store(deadline, Ordering::Relaxed);
    }

    /// How many permits it holds.
    pub(crate) fn held(&self) -> usize {
        lock(&self.0.permits).len()
    }

    /// True while it is in a line.
    pub(crate) fn waits(&self) -> bool {
        self.0.is_in_line.load(Ordering::Relaxed)
    }

    pub(crate) fn request(&self) -> Answer {
        match self.0.limit.request(self) {
            Requested::Granted(grant) => {
                assert!(Self::begin(grant).is_ok());
                Answer::Granted
            }
            Requested::InLine => Answer::InLine,
            Requested::AtQuota { is_new, .. } => Answer::AtQuota { is_new },
            Requested::Nothing => Answer::Nothing,
        }
    }

    /// Needs one permit more.
    pub(crate) fn need(&self) -> Answer {
        self.0.needs.fetch_add(1, Ordering::Relaxed);
        self.request()
    }

    /// Takes so many permits, which are free.
    pub(crate) fn hold(self, count: usize) -> Self {
        for _ in 0..count {
            assert_eq!(self.need(), Answer::Granted);
        }
        self
    }

    /// Needs one permit more, and waits for it.
    pub(crate) fn wait(self) -> Self {
        self.need();
        assert!(self.waits(), "a permit was free");
        self
    }

    /// Needs no permit any more, which its line does not know yet.
    pub(crate) fn forgo(&self) {
        self.0.needs.store(0, Ordering::Relaxed);
    }

    /// Needs no permit any more, and leaves its line.
    pub(crate) fn leave(&self) {
        self.forgo();
        self.settle();
    }

    pub(crate) fn settle(&self) {
        self.0.limit.settle(self);
    }

    pub(crate) fn release(&self) {
        let permit = self.take_out();
        drop(permit);
    }

    /// Takes one of its permits out of the key: it is released once it is dropped.
    pub(crate) fn take_out(&self) -> Permit<Self> {
        let permit = lock(&self.0.permits).pop();
        self.0.has.fetch_sub(1, Ordering::Relaxed);
        permit.expect("it holds a permit")
    }
}

/// A limit of sessions; 0 for none.
pub(crate) fn sessions(max: usize) -> Arc<SharedLimit<Key>> {
    SharedLimit::new(LimitKind::Sessions, max)
}

/// An account with one unit of weight.
pub(crate) fn account() -> Arc<Account> {
    Account::new(NonZeroU32::MIN, true)
}

pub(crate) fn quota(max: usize) -> Arc<Quota> {
    Quota::new(QuotaKind::SessionsPerTenant, max)
}

/// Places of a holder of its own under each of these quotas.
pub(crate) fn seats(quotas: &[&Arc<Quota>]) -> Seats {
    let seats = quotas.iter().map(|quota| Seat {
        quota: Arc::clone(quota),
        account: account(),
    });
    seats.collect()
}
