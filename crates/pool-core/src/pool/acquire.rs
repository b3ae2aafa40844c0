//! How a session is had: at once where one is ready, otherwise in line.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tracing::Instrument;

use super::{AcquireRequest, Shared, counters::Counters, patience::Patience, resolved::Resolved};
use crate::{
    Lease,
    bucket::{Ask, AtHead, Bucket, Fate, Grant, Held, Joined},
    error::{AcquireError, CheckError, Stage},
    event::CloseReason,
    expiry::Verdict,
    extend::Era,
    moment::Moment,
    trace,
};

impl Shared {
    /// A lease without waiting: the whole way of a hit.
    #[inline(always)]
    pub(crate) fn hit(&self, resolved: &Resolved, request: &AcquireRequest) -> Option<Lease> {
        let mut held = resolved.take()?;
        let now = self.hub.clock.now();
        held.note_wanted(now);
        let bucket = held.bucket();
        bucket.note_credential(&request.headers, resolved.ends_at, now);
        match self.verdict(&held, now) {
            Verdict::Keep => Some(self.lease(held, None)),
            Verdict::Close => {
                self.discard_unfit(held);
                None
            }
            Verdict::Check => {
                // Back where it was; the slow way takes it again and asks it.
                held.give_back(Fate::Undelivered, CloseReason::Superseded);
                None
            }
        }
    }

    /// A lease, whatever it takes.
    pub(crate) async fn wait(
        &self,
        resolved: &Resolved,
        request: &AcquireRequest,
        patience: Patience,
    ) -> Result<Lease, AcquireError> {
        match &resolved.found {
            None => self.wait_over(resolved, request, patience).await,
            Some(found) => {
                self.wait_over_found((resolved, found), request, patience)
                    .await
            }
        }
    }

    /// A lease over the transport of the request's key.
    pub(super) async fn wait_over(
        &self,
        resolved: &Resolved,
        request: &AcquireRequest,
        patience: Patience,
    ) -> Result<Lease, AcquireError> {
        let mut at_head = AtHead::No;
        loop {
            let held = self
                .next_slot(resolved, request, (patience, at_head))
                .await?;
            if let Some(lease) = self.fit(held, patience).await? {
                return Ok(lease);
            }
            // The place in line was lost to a session that turned out unfit.
            at_head = AtHead::Yes;
        }
    }

    /// The next slot that comes free or is opened.
    async fn next_slot(
        &self,
        resolved: &Resolved,
        request: &AcquireRequest,
        (patience, at_head): (Patience, AtHead),
    ) -> Result<Held, AcquireError> {
        loop {
            if self.hub.is_closed() || self.hub.closer.is_closed() {
                return Err(AcquireError::Closed);
            }
            let bucket = resolved.bucket();
            let (credential, now) = (request.credential(resolved.ends_at), self.hub.clock.now());
            bucket.note_credential(&credential.headers, credential.ends_at, now);
            if bucket.newest.have_ended(now) {
                return Err(AcquireError::CredentialExpired);
            }
            let (ask, door) = Ask::new(self.hub.new_id(), credential.clone(), patience);
            let place = (at_head, self.hub.clock.moment(patience.deadline));
            match bucket.slots.join(ask.id, Arc::clone(&ask), place) {
                Joined::Slot(slot) => {
                    let mut held = Held::new(bucket, slot);
                    held.note_wanted(now);
                    return Ok(held);
                }
                Joined::Dead => {
                    self.successor(resolved, credential, patience).await?;
                }
                Joined::Waiting {
                    wants_connect,
                    watch,
                } => {
                    let span = trace::wait(&bucket.key);
                    ask.trace.begin(&span);
                    let line = Line {
                        bucket: Arc::clone(&bucket),
                        ask,
                        served: false,
                    };
                    if watch {
                        self.hub.watch(&bucket, patience.deadline);
                    }
                    if wants_connect {
                        self.hub.begin_connects(&bucket);
                    }
                    return line.stand(door).instrument(span).await;
                }
            }
        }
    }

    /// A lease on a slot, if its session is fit.
    async fn fit(&self, mut held: Held, patience: Patience) -> Result<Option<Lease>, AcquireError> {
        let now = self.hub.clock.now();
        held.note_wanted(now);
        match self.verdict(&held, now) {
            Verdict::Keep => Ok(self.unless_retired(held, patience)),
            Verdict::Close => {
                self.discard_unfit(held);
                Ok(None)
            }
            Verdict::Check => self.check(held, patience).await,
        }
    }

    /// A lease on a session, unless it was retired while it was on its way to whoever waited.
    fn unless_retired(&self, held: Held, patience: Patience) -> Option<Lease> {
        if held.is_current() {
            return Some(self.lease(held, Some(patience)));
        }
        held.give_back(Fate::Unfit, CloseReason::Superseded);
        None
    }

    /// Asks a session whether it is alive.
    async fn check(
        &self,
        mut held: Held,
        patience: Patience,
    ) -> Result<Option<Lease>, AcquireError> {
        let began = Instant::now();
        let live = Arc::clone(held.live());
        let Some(connector) = self.hub.connectors.get(live.key.transport()) else {
            return Ok(self.unless_retired(held, patience));
        };
        let span = trace::check(live.session.info());
        let check = connector.check(&live.session, &self.hub.probes);
        let result = timeout_at(patience.deadline, check)
            .instrument(span.clone())
            .await
            .map_err(|_| patience.timeout(Stage::Check))
            .inspect_err(|error| trace::note_error(&span, error.label()))?;
        if let Err(error) = &result {
            trace::note_error(&span, error.label());
        }
        self.note_checked(&live, result.err(), began);
        if result.is_err() {
            held.give_back(Fate::Unfit, CloseReason::CheckFailed);
            return Ok(None);
        }
        live.suspect.store(false, Ordering::Relaxed);
        let now = self.hub.clock.now();
        held.note_alive(now);
        held.note_wanted(now);
        Ok(self.unless_retired(held, patience))
    }

    fn note_checked(&self, live: &crate::bucket::Live, error: Option<CheckError>, began: Instant) {
        if let Some(error) = error {
            Counters::add(&self.hub.counters.check_failures);
            if let Some(bucket) = live.bucket.upgrade() {
                let kind = error.label();
                bucket.chronicle.note_error(kind, self.hub.clock.now());
            }
        }
        self.hub.observe(|observer, pool| {
            observer.checked(&crate::event::Checked {
                pool,
                key: &live.key,
                error,
                took: began.elapsed(),
            });
        });
    }

    #[inline]
    fn verdict(&self, held: &Held, now: Moment) -> Verdict {
        let live = held.live();
        if live.session.is_over() {
            return Verdict::Close;
        }
        if held.bucket().newest.have_ended(now) {
            return Verdict::Close;
        }
        if live.suspect.load(Ordering::Relaxed) {
            return Verdict::Check;
        }
        if held.is_fresh() {
            return Verdict::Keep;
        }
        match self.hub.expiry.verdict(now, live.ends_at, held.alive_at()) {
            Verdict::Check if live.session.info().era == Era::Stateless => Verdict::Keep,
            verdict => verdict,
        }
    }

    fn discard_unfit(&self, held: Held) {
        let reason = if held.live().session.is_over() {
            CloseReason::Lost
        } else if held.bucket().newest.have_ended(self.hub.clock.now()) {
            CloseReason::CredentialExpired
        } else {
            CloseReason::Expired
        };
        held.give_back(Fate::Unfit, reason);
    }

    /// A lease on a session that is fit, for somebody who had to have patience or had not.
    #[inline]
    fn lease(&self, held: Held, patience: Option<Patience>) -> Lease {
        held.live().note_use();
        self.hub.observe(|observer, pool| {
            observer.acquired(&crate::event::Acquired {
                pool,
                key: &held.live().key,
                hit: !held.is_fresh(),
                waited: patience.map_or(Duration::ZERO, |patience| patience.began.elapsed()),
            });
        });
        Lease::new(held)
    }
}

/// Somebody's place in line; given up by being dropped.
struct Line {
    bucket: Arc<Bucket>,
    ask: Arc<Ask>,
    /// Whether it was left already, with what was waited for.
    served: bool,
}

impl Line {
    async fn stand(mut self, door: oneshot::Receiver<Grant>) -> Result<Held, AcquireError> {
        // The closer watches over the line's deadlines, so that waiting needs no timer of its own.
        let grant = door.await;
        self.served = true;
        grant.unwrap_or(Err(AcquireError::Closed))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ask.trace.end();
        if !self.served {
            self.bucket.slots.leave(self.ask.id);
            self.bucket.hub.look_for_room(&self.bucket);
        }
    }
}
