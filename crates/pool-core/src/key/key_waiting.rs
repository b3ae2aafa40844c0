//! How callers wait for a session of a key, and how one is opened for them.

use std::{
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::key_pool::KeyPool;
use crate::{
    error::{AcquireError, Stage},
    extend::CloseReason,
    key::{
        effects::{EffectList, Effects},
        seeking::{Requester, SessionCell, Waiter},
        session::{PooledSession, SessionSlot},
        slots::{Blame, Bounds, Enqueued, Fate, NewWaiter, Ticket},
    },
    time::{Timestamp, after},
};

/// What a waiter gets in the end.
pub(crate) type Grant = Result<SessionSlot, AcquireError>;

/// What became of a request to wait.
pub(crate) enum Admission {
    /// So many callers wait already that no other may.
    Full,
    /// The caller waits.
    Queued(Ticket, Effects),
    /// The key was removed: its successor is needed.
    Removed,
    /// A slot was free.
    Slot(SessionSlot),
}

impl KeyPool {
    /// A slot of an idle session. A late one is to be given back.
    pub(crate) fn take(&self) -> Option<SessionSlot> {
        self.slots.take()
    }

    /// Queues a waiter, unless a slot is free or the key was removed.
    #[inline(always)]
    pub(crate) fn enqueue(
        &self,
        new: NewWaiter<'_, Arc<PooledSession>, Waiter, Timestamp>,
    ) -> Admission {
        let (deadline, limits) = (new.deadline, &self.services.context.config.limits);
        let bounds = Bounds {
            most: limits.waiters().per_key,
            target: limits.shed_delay_target,
        };
        match self.slots.enqueue(new, bounds) {
            Enqueued::Slot(slot) => Admission::Slot(slot),
            Enqueued::Removed => Admission::Removed,
            Enqueued::Full => Admission::Full,
            Enqueued::InQueue {
                ticket,
                wants_connect,
                watch,
            } => {
                if !wants_connect && !watch {
                    return Admission::Queued(ticket, Effects::None);
                }
                let effects = EffectList {
                    connect: wants_connect,
                    sweep_by: watch.then_some(deadline),
                    ..EffectList::default()
                };
                Admission::Queued(ticket, effects.into())
            }
        }
    }

    /// Ends the waiting of callers that cannot be served in time, by the pace of an overloaded queue.
    pub(crate) fn shed(&self, now: Timestamp) -> Effects {
        let error = AcquireError::Overloaded {
            retry_after: self.drain_time(),
        };
        let wakers = self.slots.shed(now, SHED_AT_ONCE, |_| error.clone());
        EffectList {
            settled: true,
            wakers,
            ..EffectList::default()
        }
        .into()
    }

    /// Ends the waiting of callers whose deadlines are not later than `due`, some of them.
    pub(crate) fn shed_before(&self, due: Timestamp, retry_after: Duration) -> Effects {
        let error = AcquireError::Overloaded {
            retry_after: retry_after.clamp(MIN_DRAIN_TIME, MAX_DRAIN_TIME),
        };
        let shed = self.slots.expire(due, SHED_AT_ONCE, |_| error.clone());
        EffectList::from(shed.left).into()
    }

    /// How long the queue needs for those who wait in it: a guess where its pace is not known.
    pub(crate) fn drain_time(&self) -> Duration {
        let time = self.slots.drain_time().unwrap_or(UNKNOWN_DRAIN_TIME);
        time.clamp(MIN_DRAIN_TIME, MAX_DRAIN_TIME)
    }

    /// What a waiter got. `None`: it has come for it before.
    #[inline(always)]
    pub(crate) fn poll(
        &self,
        ticket: Ticket,
        cell: &mut SessionCell,
        waker: &Waker,
    ) -> Poll<Option<Grant>> {
        self.slots.poll(ticket, cell, waker)
    }

    /// Takes a waiter out of the queue. A slot that it got meanwhile goes to the next one.
    pub(crate) fn leave_queue(&self, ticket: Ticket, cell: &SessionCell) -> [Effects; 2] {
        let (slot, settled) = self.slots.leave(ticket, cell);
        let passed_on = match slot {
            Some(slot) => self.release(slot, Fate::Undelivered, CloseReason::Superseded),
            None => Effects::None,
        };
        let left = EffectList {
            settled,
            reclaim: true,
            ..EffectList::default()
        };
        [passed_on, left.into()]
    }

    /// Sets what a waiter waits for.
    pub(crate) fn enter(&self, ticket: Ticket, stage: Stage) {
        self.slots
            .with_waiting(ticket, |waiter| waiter.stage = stage);
    }

    /// Reserves a connect, if a waiter needs one and the limit allows it. Returns the waiter that it
    /// is for. Every `Some` is followed by [`admit`](Self::admit) or [`abandon`](Self::abandon).
    pub(crate) fn reserve_connect(&self) -> Option<Requester> {
        self.slots
            .begin_connect(|ticket, waiter| waiter.requester(ticket))
    }

    /// Adds an opened session and serves the queue with it.
    pub(crate) fn admit(&self, session: Arc<PooledSession>) -> Effects {
        let context = &self.services.context;
        let now = context.clock.now();
        let next_look = context.keepalive.map(|keepalive| keepalive.next_look(now));
        let sweep_by = next_look.into_iter().chain([session.ends_at]).min();
        let mut effects = EffectList::default();
        match self.slots.admit(session, now) {
            Err(late) => {
                effects.close.push((late, CloseReason::Superseded));
                effects.reclaim = true;
            }
            Ok(served) => {
                effects.reclaim = served.wakers.is_empty();
                effects.settled = served.is_settled;
                effects.wakers = served.wakers;
                effects.sweep_by = sweep_by;
            }
        }
        effects.into()
    }

    /// Ends a reserved connect that the server refused since it grants no further session. `None` where
    /// the key has no other one, so that its callers cannot wait for that.
    pub(crate) fn pause_connects(&self, wait: Duration) -> Option<Effects> {
        let until = after(Instant::now(), wait);
        let until = self.services.context.clock.timestamp(until);
        let is_paused = self.slots.pause(until);
        is_paused.then(|| {
            EffectList {
                settled: true,
                sweep_by: Some(until),
                reclaim: true,
                ..EffectList::default()
            }
            .into()
        })
    }

    /// Ends a pause that is over. Returns the end of the pause otherwise.
    pub(crate) fn resume_connects(&self, now: Timestamp) -> (Effects, Option<Timestamp>) {
        let (until, connect) = self.slots.resume(now);
        let effects = EffectList {
            connect,
            ..EffectList::default()
        };
        (effects.into(), until)
    }

    /// Ends a reserved connect without a session. `error` goes to the waiters that `blame` concerns.
    pub(crate) fn abandon(
        &self,
        requester: Option<Ticket>,
        blame: Blame,
        error: &AcquireError,
    ) -> Effects {
        let failed = self.slots.abandon(requester, blame, |_| error.clone());
        EffectList {
            reclaim: true,
            ..failed.into()
        }
        .into()
    }
}

/// Of each caller that comes, so many others are looked at.
const SHED_AT_ONCE: usize = 4;

const MIN_DRAIN_TIME: Duration = Duration::from_millis(10);

const UNKNOWN_DRAIN_TIME: Duration = Duration::from_secs(1);

const MAX_DRAIN_TIME: Duration = Duration::from_secs(60);
