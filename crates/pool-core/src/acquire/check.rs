//! Whether a session may be handed out.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    context::{Context, Counters},
    error::{AcquireError, CheckError, Stage, within},
    extend::{Checked, CloseReason},
    key::{Fate, PooledSession, SlotGuard},
    time::{Deadline, Freshness, Timestamp},
    trace,
    types::Era,
};

/// What is to be done with the session of a slot that a caller is about to get. Pure, but for the
/// hook.
#[inline]
pub(crate) fn freshness(context: &Context, slot: &SlotGuard, now: Timestamp) -> Freshness {
    let pooled = slot.session();
    if has_ended(slot, now) {
        return Freshness::Close;
    }
    // A hook that refused every new session too would have the pool connect without end.
    if !context.is_plain() && !slot.is_fresh() && !hook_admits(context, pooled) {
        return Freshness::Close;
    }
    if pooled.suspect.load(Ordering::Relaxed) {
        // A check proves that the session lives, not that it may still be used.
        let is_expired = !slot.is_fresh() && now >= pooled.ends_at;
        return if is_expired {
            Freshness::Close
        } else {
            Freshness::Check
        };
    }
    if slot.is_fresh() {
        return Freshness::Keep;
    }
    match context
        .expiry
        .freshness(now, pooled.ends_at, slot.alive_at())
    {
        Freshness::Check if pooled.session.info().era == Era::Stateless => Freshness::Keep,
        freshness => freshness,
    }
}

/// True when the session is over, or the credential that it ends with.
#[inline(always)]
fn has_ended(slot: &SlotGuard, now: Timestamp) -> bool {
    slot.session().session.is_over() || slot.key().credentials.have_ended(now)
}

#[inline(never)]
fn hook_admits(context: &Context, pooled: &PooledSession) -> bool {
    let Some(hooks) = &context.hooks else {
        return true;
    };
    hooks.before_acquire(&pooled.key, pooled.session.info())
}

/// Closes the session of a slot that no caller is to get.
pub(crate) fn discard(context: &Context, mut slot: SlotGuard) {
    let now = context.clock.now();
    let reason = if slot.session().session.is_over() {
        CloseReason::Lost
    } else if slot.key().credentials.have_ended(now) {
        CloseReason::CredentialExpired
    } else if now >= slot.session().ends_at {
        CloseReason::Expired
    } else {
        CloseReason::Discarded
    };
    slot.release(Fate::Unfit, reason);
}

/// The slot, if its session is fit; the session is checked where that is due. `None`: the session is
/// closed, and the caller needs another one.
///
/// # Errors
/// [`AcquireError::Timeout`] when the deadline passes during the check.
pub(crate) async fn fit(
    context: &Context,
    mut slot: SlotGuard,
    deadline: Deadline,
) -> Result<Option<SlotGuard>, AcquireError> {
    let now = context.clock.now();
    slot.set_acquired_at(now);
    match freshness(context, &slot, now) {
        Freshness::Keep => Ok(unless_evicted(slot)),
        Freshness::Close => {
            discard(context, slot);
            Ok(None)
        }
        Freshness::Check => check(context, slot, deadline).await,
    }
}

/// The slot, unless its session was evicted on its way to the caller.
fn unless_evicted(mut slot: SlotGuard) -> Option<SlotGuard> {
    if slot.is_current() {
        return Some(slot);
    }
    slot.release(Fate::Unfit, CloseReason::Superseded);
    None
}

/// Checks that a session is alive.
async fn check(
    context: &Context,
    mut slot: SlotGuard,
    deadline: Deadline,
) -> Result<Option<SlotGuard>, AcquireError> {
    let began = Instant::now();
    let pooled = Arc::clone(slot.session());
    let Some(connector) = context.connectors.get(pooled.key.transport()) else {
        return Ok(unless_evicted(slot));
    };
    let span = trace::check(pooled.session.info());
    let check = connector.check(&pooled.session, &context.probes);
    let check = within(deadline, Stage::Check, check).instrument(span.clone());
    let result = check
        .await
        .inspect_err(|error| trace::note_error(&span, error.label()))?;
    if let Err(error) = &result {
        trace::note_error(&span, error.label());
    }
    report(context, &slot, result.err(), began);
    if result.is_err() {
        slot.release(Fate::Unfit, CloseReason::CheckFailed);
        return Ok(None);
    }
    pooled.suspect.store(false, Ordering::Relaxed);
    let now = context.clock.now();
    slot.set_alive_at(now);
    slot.set_acquired_at(now);
    // The session or its credential may have ended while the check was on its way.
    if has_ended(&slot, now) {
        discard(context, slot);
        return Ok(None);
    }
    Ok(unless_evicted(slot))
}

fn report(context: &Context, slot: &SlotGuard, error: Option<CheckError>, began: Instant) {
    if let Some(error) = error {
        Counters::add(&context.counters.check_failures);
        let history = &slot.key().history;
        history.failed(error.label(), context.clock.now());
    }
    context.events.emit(|observer, pool| {
        observer.checked(&Checked {
            pool,
            key: &slot.session().key,
            error,
            took: began.elapsed(),
        });
    });
}
