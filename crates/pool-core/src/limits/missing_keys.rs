//! Callers that wait until there may be another key.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::shared::{Grant, Grantee, Member, Permit, Requested, Seats, Seeker, SharedLimit};
use crate::types::{PoolKey, PrehashedState};

/// A permit for a key.
pub(crate) type KeyPermit = Permit<KeySeeker>;

/// A key that does not exist yet, since there may be no more keys: it waits for a permit once,
/// whatever the number of its callers.
#[derive(Clone)]
pub(crate) struct KeySeeker(Arc<MissingKey>);

struct MissingKey {
    member: Member,
    callers: AtomicUsize,
    /// True once a permit was granted: then the callers find the key, or wait for it anew.
    is_granted: AtomicBool,
    is_in_line: AtomicBool,
    /// The permit, until a caller takes it.
    permit: Mutex<Option<KeyPermit>>,
    granted: Notify,
}

/// The keys that callers wait for.
#[derive(Default)]
pub(crate) struct MissingKeys(Mutex<Missing>);

/// A key is a hash already. A hash of the process's own would change the order in which callers are
/// turned away.
type Missing = HashMap<PoolKey, KeySeeker, PrehashedState>;

/// The guard of a caller that waits for a key. Dropped, it takes the key out of the line with the last
/// caller.
struct Waiting<'k> {
    keys: &'k MissingKeys,
    key: &'k PoolKey,
    limit: &'k Arc<SharedLimit<KeySeeker>>,
    seeker: KeySeeker,
}

impl MissingKeys {
    /// A permit for a key that is missing. `None` when another caller got it, or the limit is closed.
    ///
    /// # Cancel safety
    /// Safe: a permit on its way to a caller that leaves goes to the next one.
    pub(crate) async fn permit(
        &self,
        key: &PoolKey,
        member: Member,
        limit: &Arc<SharedLimit<KeySeeker>>,
        reclaim: impl FnOnce(),
    ) -> Option<KeyPermit> {
        if let Some(permit) = limit.take(&member, None) {
            return Some(permit);
        }
        let waiting = self.join(key, member, limit);
        let seeker = &waiting.seeker;
        // Before the request, so that no grant is missed.
        let granted = seeker.0.granted.notified();
        match limit.request(seeker) {
            Requested::Granted(grant) => return Some(grant.permit),
            Requested::InLine | Requested::AtQuota { .. } => reclaim(),
            Requested::Nothing => return seeker.take(),
        }
        granted.await;
        seeker.take()
    }

    /// Ends the waiting of all callers. Returns their number.
    pub(crate) fn close(&self) -> usize {
        let missing = self.lock();
        let end = |seeker: &KeySeeker| {
            seeker.0.granted.notify_waiters();
            seeker.0.callers.load(Ordering::SeqCst)
        };
        missing.values().map(end).sum()
    }

    fn join<'k>(
        &'k self,
        key: &'k PoolKey,
        member: Member,
        limit: &'k Arc<SharedLimit<KeySeeker>>,
    ) -> Waiting<'k> {
        let mut missing = self.lock();
        let seeker = missing.entry(key.clone()).or_insert_with(|| {
            KeySeeker(Arc::new(MissingKey {
                member,
                callers: AtomicUsize::new(0),
                is_granted: AtomicBool::new(false),
                is_in_line: AtomicBool::new(false),
                permit: Mutex::default(),
                granted: Notify::new(),
            }))
        });
        seeker.0.callers.fetch_add(1, Ordering::SeqCst);
        let seeker = seeker.clone();
        Waiting {
            keys: self,
            key,
            limit,
            seeker,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Missing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeySeeker {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn take(&self) -> Option<KeyPermit> {
        self.permit().take()
    }

    fn permit(&self) -> MutexGuard<'_, Option<KeyPermit>> {
        self.0.permit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seeker for KeySeeker {
    type Need = ();

    fn number(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn member(&self) -> &Member {
        &self.0.member
    }

    fn seats(&self) -> Option<&Seats> {
        None
    }

    fn reserve(&self) -> Option<()> {
        let seeks = self.seeks();
        seeks.then(|| self.0.is_granted.store(true, Ordering::SeqCst))
    }

    fn seeks(&self) -> bool {
        self.0.callers.load(Ordering::SeqCst) > 0 && !self.0.is_granted.load(Ordering::SeqCst)
    }

    fn has_none(&self) -> bool {
        true
    }

    fn is_in_line(&self) -> &AtomicBool {
        &self.0.is_in_line
    }
}

impl Grantee for KeySeeker {
    fn begin(grant: Grant<Self>) -> Result<(), Grant<Self>> {
        let Grant { seeker, permit, .. } = grant;
        let surplus = seeker.permit().replace(permit);
        seeker.0.granted.notify_waiters();
        drop(surplus);
        Ok(())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut missing = self.keys.lock();
        let is_last = self.seeker.0.callers.fetch_sub(1, Ordering::SeqCst) == 1;
        let is_over = is_last || self.seeker.0.is_granted.load(Ordering::SeqCst);
        if is_over
            && missing
                .get(self.key)
                .is_some_and(|other| other.is(&self.seeker))
        {
            missing.remove(self.key);
        }
        drop(missing);
        if is_last {
            self.limit.settle(&self.seeker);
            // Granted meanwhile, and of no use.
            drop(self.seeker.take());
        }
    }
}
