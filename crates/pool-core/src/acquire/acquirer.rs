//! How a caller gets a session: at once where one is idle, otherwise by waiting.

use std::{panic::Location, sync::Arc, time::Duration};

use tracing::Span;

use super::{
    check::{Fitness, fitness, turn_down},
    held_leases::HeldLeases,
    lease::Lease,
};
use crate::{
    acquire::resolve::{AcquireRequest, RequestParts, Resolved, Resolver, take},
    context::{Context, Counters},
    detect::Detector,
    error::AcquireError,
    extend::{AcquireFailed, Acquired},
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
        let default = self.context().config.timeouts.acquire_timeout;
        Deadline::after(request.timeout.unwrap_or(default))
    }

    /// A lease on an idle session of a request that was resolved before.
    #[inline(always)]
    pub(crate) fn try_acquire(&self, request: &AcquireRequest, site: Site) -> Option<Lease> {
        let resolved = self.resolver.cached(request)?;
        self.hit(resolved, &request.parts, site)
    }

    /// A lease without waiting, taken at `site`: the whole way of a hit.
    #[inline(always)]
    pub(crate) fn hit(
        &self,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        let slot = resolved.take()?;
        self.serve(slot, resolved, parts, site)
    }

    /// As [`hit`](Self::hit), for a request that knows its key pool.
    #[inline(always)]
    pub(crate) fn hit_on(
        &self,
        key: &Arc<KeyPool>,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        let slot = take(key).or_else(|| resolved.take_later())?;
        self.serve(slot, resolved, parts, site)
    }

    #[inline(always)]
    fn serve(
        &self,
        slot: SlotGuard,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        match slot.key().call_seats() {
            None => self.serve_hit(slot, resolved, parts, site),
            Some(_) => self.hit_within_quotas(slot, resolved, parts, site),
        }
    }

    /// A lease on an idle session.
    #[inline(always)]
    pub(super) fn serve_hit(
        &self,
        mut slot: SlotGuard,
        resolved: &Resolved,
        parts: &RequestParts,
        site: Site,
    ) -> Option<Lease> {
        let context = self.context();
        let now = self.coarse_now();
        slot.set_acquired_at(now);
        let key = slot.key();
        run(
            key,
            key.note_credential(&parts.headers, || resolved.ends_at, now),
        );
        if key.keeps_spares() {
            plan_spares(key);
        }
        match fitness(context, &slot, now) {
            Fitness::Fit => Some(self.lease_of_hit(slot, site)),
            fitness => {
                turn_down(slot, fitness);
                None
            }
        }
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

    #[inline(always)]
    fn lease_of_hit(&self, slot: SlotGuard, site: Site) -> Lease {
        match self.context().is_plain() {
            true => {
                slot.session().count_use();
                Lease::new(slot)
            }
            false => self.watched(self.lease(slot, || Duration::ZERO), site),
        }
    }

    /// A lease on a session that is fit.
    #[inline]
    pub(super) fn lease(&self, slot: SlotGuard, waited: impl FnOnce() -> Duration) -> Lease {
        let pooled = slot.session();
        pooled.count_use();
        self.context().events.emit(|observer, pool| {
            observer.acquired(&Acquired {
                pool,
                key: &pooled.key,
                hit: !slot.is_fresh(),
                waited: waited(),
            });
        });
        Lease::new(slot)
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

#[cold]
#[inline(never)]
fn plan_spares(key: &Arc<KeyPool>) {
    run(key, key.plan_spares());
}

impl Drop for Acquirer {
    fn drop(&mut self) {
        self.close();
    }
}
