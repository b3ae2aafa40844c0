//! How a caller gets a session: at once where one is idle, otherwise by waiting.

use std::{panic::Location, sync::Arc, time::Duration};

use tracing::Span;

use super::{held_leases::HeldLeases, lease::Lease};
use crate::{
    acquire::resolve::{AcquireRequest, Resolver},
    context::{Context, Counters},
    detect::Detector,
    error::AcquireError,
    extend::AcquireFailed,
    key::{Job, JobSender, KeyMap, KeyPool, KeyServices, SlotGuard, run},
    time::{Deadline, Timestamp},
    trace,
    types::Endpoint,
    upstream::Upstreams,
};

/// Acquires sessions. Every clone of a pool and every client of it holds the same one.
///
/// When the last of them is dropped, idle sessions are closed in the background, and sessions in use
/// with the end of their leases.
pub(crate) struct Acquirer {
    pub(crate) services: Arc<KeyServices>,
    /// Keeps the maintenance task alive.
    pub(crate) jobs: JobSender,
    pub(crate) keys: Arc<KeyMap>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) resolver: Resolver,
    pub(crate) detector: Arc<Detector>,
    /// The leases that are held; `None` where the pool does not watch them.
    pub(crate) held: Option<Arc<HeldLeases>>,
}

/// The line of code that takes a lease; `None` for a call, whose lease ends with its deadline.
pub(crate) type Site = Option<&'static Location<'static>>;

impl Acquirer {
    #[inline]
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.services.context
    }

    /// The deadline of an acquire that begins now.
    pub(crate) fn deadline(&self, request: &AcquireRequest) -> Deadline {
        Deadline::after(self.timeout(request))
    }

    /// How long an acquire waits for its session.
    pub(crate) fn timeout(&self, request: &AcquireRequest) -> Duration {
        let default = self.context().config.timeouts.acquire_timeout;
        request.timeout.unwrap_or(default)
    }

    /// Now, as exactly as the expiry of sessions and credentials needs it.
    #[inline]
    pub(super) fn coarse_now(&self) -> Timestamp {
        let context = self.context();
        match context.is_coarse() {
            true => context.coarse_clock.now(|| self.jobs.send(Job::Tick)),
            false => context.clock.now(),
        }
    }

    /// The span of an acquire that is no hit.
    pub(super) fn span(&self, endpoint: &Endpoint) -> Span {
        trace::acquire(&self.context().config.name, endpoint)
    }

    #[cold]
    pub(super) fn report_failed(
        &self,
        endpoint: &Endpoint,
        deadline: Deadline,
        error: &AcquireError,
    ) {
        if let AcquireError::Quota { .. } = error {
            Counters::add(&self.context().counters.quota_timeouts);
        }
        self.context().events.emit(|observer, pool| {
            observer.acquire_failed(&AcquireFailed {
                pool,
                endpoint,
                error,
                waited: deadline.waited(),
            });
        });
    }

    /// A lease on a session that is fit.
    #[inline]
    pub(super) fn lease(&self, slot: SlotGuard, waited: impl FnOnce() -> Duration) -> Lease {
        slot.session().count_use();
        let lease = Lease::new(slot);
        self.report_acquired(&lease, waited);
        lease
    }

    /// The lease, watched from now on where the pool watches its leases.
    #[inline(always)]
    pub(crate) fn watched(&self, lease: Lease, site: Site) -> Lease {
        match (&self.held, site) {
            (Some(held), Some(site)) => lease.watched(held, site),
            _ => lease,
        }
    }

    /// Closes the pool for new requests and every key. Returns how many callers waited.
    pub(crate) fn close(&self) -> u64 {
        self.close_for_new() + self.close_keys(self.keys.iter())
    }

    /// Closes the pool for new requests. Returns how many callers waited elsewhere than for a key.
    pub(crate) fn close_for_new(&self) -> u64 {
        self.context().close();
        self.services.detected.close();
        self.services.subscriptions.close();
        self.upstreams.close();
        let calls = self.services.capacity.close() as u64;
        let keys_missing = self.services.missing_keys.close() as u64;
        self.detector.close() + keys_missing + calls
    }

    /// Closes keys that are open. Returns how many callers waited for them.
    pub(crate) fn close_keys(&self, keys: impl IntoIterator<Item = Arc<KeyPool>>) -> u64 {
        let mut turned_away = 0;
        for key in keys {
            let Some(closed) = key.close() else {
                continue;
            };
            let counts = closed.hit_counts;
            self.context().counters.keep(counts.hits, counts.misses);
            turned_away += closed.turned_away;
            run(&key, closed.effects);
        }
        turned_away
    }
}

impl Drop for Acquirer {
    fn drop(&mut self) {
        self.close();
    }
}
