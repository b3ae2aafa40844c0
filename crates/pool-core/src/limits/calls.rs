//! Callers that wait until they may call, under the quotas of calls.

use std::sync::{Arc, PoisonError};

use tokio::sync::Notify;

use super::{
    shared::{Grant, Grantee, Member, Permit, Quota, Requested, Seats, Seeker, SharedLimit},
    sync::{AtomicBool, Mutex, MutexGuard, Ordering},
};

/// The right to have one call in flight.
pub(crate) type CallPermit = Permit<CallSeeker>;

/// A caller that seeks the right to call.
#[derive(Clone)]
pub(crate) struct CallSeeker(Arc<WaitingCaller>);

struct WaitingCaller {
    member: Member,
    seats: Seats,
    /// True once a permit was granted.
    is_granted: AtomicBool,
    has_left: AtomicBool,
    is_in_line: AtomicBool,
    /// The permit, until the caller takes it.
    permit: Mutex<Option<CallPermit>>,
    notify: Notify,
}

/// The guard of a caller that waits. Dropped, it takes the caller out of its line; a permit that is on
/// its way to the caller goes to the next one.
pub(crate) struct CallWait {
    limit: Arc<SharedLimit<CallSeeker>>,
    seeker: CallSeeker,
}

/// What a caller gets at once.
pub(crate) enum Begun {
    Granted(CallPermit),
    /// It waits for a quota.
    Waits(Arc<Quota>),
    /// The limit is closed.
    Closed,
}

impl CallWait {
    pub(crate) fn new(limit: &Arc<SharedLimit<CallSeeker>>, member: Member, seats: Seats) -> Self {
        Self {
            limit: Arc::clone(limit),
            seeker: CallSeeker(Arc::new(WaitingCaller {
                member,
                seats,
                is_granted: AtomicBool::new(false),
                has_left: AtomicBool::new(false),
                is_in_line: AtomicBool::new(false),
                permit: Mutex::new(None),
                notify: Notify::new(),
            })),
        }
    }

    /// Takes a permit that is free, or a place in the line of a quota.
    pub(crate) fn begin(&self) -> Begun {
        match self.limit.request(&self.seeker) {
            Requested::Granted(grant) => Begun::Granted(grant.permit),
            Requested::AtQuota { quota, .. } => Begun::Waits(quota),
            // All calls together have no limit.
            Requested::InLine | Requested::Nothing => Begun::Closed,
        }
    }

    /// The permit, once it is granted; `None` when the limit is closed.
    ///
    /// # Cancel safety
    /// Safe: the permit waits for the next call.
    pub(crate) async fn granted(&self) -> Option<CallPermit> {
        self.seeker.0.notify.notified().await;
        self.seeker.take()
    }

    /// The quota that the caller waits for.
    pub(crate) fn quota(&self) -> Option<Arc<Quota>> {
        self.limit.quota_of(&self.seeker)
    }
}

impl CallSeeker {
    /// Ends the waiting of the caller: the limit is closed.
    pub(super) fn end(&self) {
        self.0.notify.notify_one();
    }

    fn take(&self) -> Option<CallPermit> {
        self.permit().take()
    }

    fn permit(&self) -> MutexGuard<'_, Option<CallPermit>> {
        self.0.permit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seeker for CallSeeker {
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
        let seeks = self.seeks();
        seeks.then(|| self.0.is_granted.store(true, Ordering::SeqCst))
    }

    fn seeks(&self) -> bool {
        !self.0.has_left.load(Ordering::SeqCst) && !self.0.is_granted.load(Ordering::SeqCst)
    }

    fn has_none(&self) -> bool {
        true
    }

    fn is_in_line(&self) -> &AtomicBool {
        &self.0.is_in_line
    }
}

impl Grantee for CallSeeker {
    fn begin(grant: Grant<Self>) -> Result<(), Grant<Self>> {
        let Grant { seeker, permit, .. } = grant;
        *seeker.permit() = Some(permit);
        seeker.0.notify.notify_one();
        Ok(())
    }
}

impl Drop for CallWait {
    fn drop(&mut self) {
        self.seeker.0.has_left.store(true, Ordering::SeqCst);
        if !self.seeker.0.is_granted.load(Ordering::SeqCst) {
            self.limit.settle(&self.seeker);
        }
        // Granted meanwhile, and of no use.
        drop(self.seeker.take());
    }
}
