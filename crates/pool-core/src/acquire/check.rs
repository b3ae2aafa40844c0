//! Whether a session may be handed out.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    context::{Context, Counters},
    error::{AcquireError, CheckError, ConnectError, Evidence, FaultKind, Stage, within},
    extend::{Checked, CloseReason, ProbePlan},
    key::{Fate, PooledSession, SlotGuard},
    time::{Deadline, Freshness, Timestamp},
    trace,
    types::Era,
    upstream::{BreakerPermit, Holder, admitted},
};

/// Whether the session of a slot may be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fitness {
    /// The session may be handed out.
    Fit,
    /// The session must be closed.
    Unfit(CloseReason),
    /// A check must prove first that the session is alive.
    Unproven,
}

/// Whether the session of a slot may be handed out now. Pure, but for the hook, which runs last: once
/// for each session that a caller would get.
#[inline(always)]
pub(crate) fn fitness(context: &Context, slot: &SlotGuard, now: Timestamp) -> Fitness {
    if slot.is_late() {
        return Fitness::Unproven;
    }
    if has_ended(slot, now) {
        return Fitness::Unfit(end_reason(slot));
    }
    let pooled = slot.session();
    if pooled.suspect.load(Ordering::Relaxed) {
        return fitness_of_suspect(slot, now);
    }
    if slot.is_fresh() {
        return Fitness::Fit;
    }
    let (ends_at, alive_at) = (pooled.ends_at, slot.alive_at());
    match context.expiry.freshness(now, ends_at, alive_at) {
        Freshness::Keep => admission(context, pooled),
        Freshness::Check if pooled.session.info().era == Era::Stateless => {
            admission(context, pooled)
        }
        Freshness::Check => Fitness::Unproven,
        Freshness::Close => Fitness::Unfit(CloseReason::Expired),
    }
}

/// Whether a session that must pass a check may do so. A check proves that the session lives, not
/// that it may still be used.
#[inline(never)]
fn fitness_of_suspect(slot: &SlotGuard, now: Timestamp) -> Fitness {
    match !slot.is_fresh() && now >= slot.session().ends_at {
        true => Fitness::Unfit(CloseReason::Expired),
        false => Fitness::Unproven,
    }
}

/// Whether a session that has just passed a check may be handed out: it or its credential may have
/// ended while the check was on its way.
fn fitness_of_proven(context: &Context, slot: &SlotGuard, now: Timestamp) -> Fitness {
    if has_ended(slot, now) {
        return Fitness::Unfit(end_reason(slot));
    }
    let pooled = slot.session();
    match slot.is_fresh() {
        true => Fitness::Fit,
        false if now >= pooled.ends_at => Fitness::Unfit(CloseReason::Expired),
        false => admission(context, pooled),
    }
}

/// True when the session is over, or the credential that it ends with.
#[inline(always)]
fn has_ended(slot: &SlotGuard, now: Timestamp) -> bool {
    slot.session().is_over() || slot.key().credentials.have_ended(now)
}

/// Why a session has ended.
#[inline(never)]
fn end_reason(slot: &SlotGuard) -> CloseReason {
    match slot.session().is_over() {
        true => CloseReason::Lost,
        false => CloseReason::CredentialExpired,
    }
}

/// Whether the hook admits a lease on a session that the pool kept. A hook that refused every new
/// session too would have the pool connect without end.
#[inline]
fn admission(context: &Context, pooled: &PooledSession) -> Fitness {
    if context.is_plain() || hook_admits(context, pooled) {
        Fitness::Fit
    } else {
        Fitness::Unfit(CloseReason::RefusedByHook)
    }
}

#[inline(never)]
fn hook_admits(context: &Context, pooled: &PooledSession) -> bool {
    let Some(hooks) = &context.hooks else {
        return true;
    };
    hooks.before_acquire(&pooled.key, pooled.session.info())
}

/// Gives the slot of a hit back whose session may not be handed out as it is. The slow path takes an
/// unproven one again and checks it.
#[cold]
#[inline(never)]
pub(crate) fn turn_down(slot: &mut SlotGuard, fitness: Fitness) {
    match fitness {
        Fitness::Unfit(reason) => slot.release(Fate::Unfit, reason),
        Fitness::Fit | Fitness::Unproven => {
            slot.release(Fate::Undelivered, CloseReason::Superseded);
        }
    }
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
    match fitness(context, &slot, now) {
        Fitness::Unproven => check(context, slot, deadline).await,
        fitness => Ok(unless_unfit(slot, fitness)),
    }
}

/// The slot, unless its session is unfit or was evicted on its way to the caller.
pub(super) fn unless_unfit(mut slot: SlotGuard, fitness: Fitness) -> Option<SlotGuard> {
    if let Fitness::Unfit(reason) = fitness {
        slot.release(Fate::Unfit, reason);
        return None;
    }
    unless_evicted(slot)
}

/// The slot, unless its session was evicted on its way to the caller.
fn unless_evicted(mut slot: SlotGuard) -> Option<SlotGuard> {
    if slot.is_current() {
        return Some(slot);
    }
    slot.release(Fate::Unfit, CloseReason::Superseded);
    None
}

/// The slot, if its session passes a check and may be handed out afterwards.
///
/// # Errors
/// [`AcquireError::Timeout`] when the deadline passes before; those of the endpoint's circuit.
async fn check(
    context: &Context,
    slot: SlotGuard,
    deadline: Deadline,
) -> Result<Option<SlotGuard>, AcquireError> {
    let upstream = &slot.key().upstream;
    let is_open = || !context.is_closed();
    // An endpoint that is not there would fail every session.
    let permit = admitted(
        upstream,
        Holder::of(&slot.session().key),
        deadline.at,
        is_open,
    );
    let permit = within(deadline, Stage::Circuit, permit).await??;
    let permit = permit.ok_or(AcquireError::Closed)?;
    let proven = prove(context, slot, permit, deadline).await?;
    Ok(proven.and_then(|slot| {
        let fitness = fitness_of_proven(context, &slot, context.clock.now());
        unless_unfit(slot, fitness)
    }))
}

/// The slot, if its session passes a check. `None`: it is closed.
///
/// # Errors
/// [`AcquireError::Timeout`] when the deadline passes during the check.
pub(super) async fn prove(
    context: &Context,
    mut slot: SlotGuard,
    permit: BreakerPermit,
    deadline: Deadline,
) -> Result<Option<SlotGuard>, AcquireError> {
    let pooled = Arc::clone(slot.session());
    let Some(connector) = context.connectors.get(pooled.key.transport()) else {
        return Ok(Some(slot));
    };
    let began = Instant::now();
    let span = trace::check(pooled.session.info());
    let check = connector.check(&pooled.session, plan(context, &pooled));
    let check = within(deadline, Stage::Check, check).instrument(span.clone());
    let result = check
        .await
        .inspect_err(|error| trace::note_error(&span, error.label()))?;
    if let Err(error) = &result {
        trace::note_error(&span, error.label());
    }
    report(context, &slot, result.err(), began);
    if let Err(error) = result {
        settle(permit, error);
        return after_failed_check(slot, error).map(|()| None);
    }
    permit.succeeded();
    pooled.suspect.store(false, Ordering::Relaxed);
    let now = context.clock.now();
    slot.set_alive_at(now);
    slot.set_acquired_at(now);
    Ok(Some(slot))
}

/// The probes of a check. A doubtful session needs an answer, since a connection that is half open
/// swallows calls and probes alike; but a server that ignores probes must not cost the state of a
/// conversation.
fn plan<'c>(context: &'c Context, pooled: &PooledSession) -> &'c ProbePlan {
    let is_suspect = pooled.suspect.load(Ordering::Relaxed);
    match is_suspect && !pooled.has_state_of_conversation() {
        true => &context.strict_probes,
        false => &context.probes,
    }
}

/// Tells the circuit what a failed check shows of the endpoint.
fn settle(permit: BreakerPermit, error: CheckError) {
    match error {
        CheckError::Failed(_) => permit.ended(&FaultKind::SessionGone, Evidence::Here),
        CheckError::Unreached { evidence, .. } => {
            permit.ended(&FaultKind::Unreachable, evidence);
        }
        CheckError::Closed | CheckError::Exhausted => drop(permit),
    }
}

/// Closes a session that did not pass its check, unless the state of a conversation would be lost
/// with it and nothing proves that the session is gone.
///
/// # Errors
/// The server did not answer, and the conversation has no other session.
fn after_failed_check(mut slot: SlotGuard, error: CheckError) -> Result<(), AcquireError> {
    if error.is_proof() || !slot.session().has_state_of_conversation() {
        slot.release(Fate::Unfit, CloseReason::CheckFailed);
        return Ok(());
    }
    slot.session().suspect.store(true, Ordering::Relaxed);
    slot.release(Fate::Undelivered, CloseReason::Superseded);
    let kind = match error {
        CheckError::Unreached { .. } => FaultKind::Unreachable,
        _ => FaultKind::Timeout,
    };
    let error = ConnectError::new(kind).with_source(error);
    Err(AcquireError::Connect(Arc::new(error)))
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
