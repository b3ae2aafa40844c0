//! What a change of a key entails.

use std::{sync::Arc, task::Waker};

use super::slots::{Left, Served};
use crate::{extend::CloseReason, key::session::PooledSession, time::Timestamp};

/// What a change of a key entails, to be run by [`run`](super::runner::run) once the key's lock is
/// released.
#[must_use = "effects do nothing until they are run"]
pub(crate) enum Effects {
    /// Nothing.
    None,
    /// A session or the key became unused, which may serve a caller that waits for capacity.
    Reclaim,
    /// A released slot went to a waiter. Under load nearly every release is one, so it has no list.
    Handover(Served),
    /// Anything else.
    List(Box<EffectList>),
}

/// The effects of a change, by kind.
#[derive(Default)]
pub(crate) struct EffectList {
    /// Sessions that have left the key.
    pub(crate) close: Vec<(Arc<PooledSession>, CloseReason)>,
    /// True when a waiter needs a connect.
    pub(crate) connect: bool,
    /// True when no waiter needs a connect any more.
    pub(crate) settled: bool,
    /// The wakers of waiters that have left the queue.
    pub(crate) wakers: Vec<Waker>,
    /// True when capacity may have become free.
    pub(crate) reclaim: bool,
    /// When the key must be swept at the latest.
    pub(crate) sweep_by: Option<Timestamp>,
}

impl Effects {
    /// Closes these sessions.
    pub(crate) fn close(
        sessions: impl IntoIterator<Item = Arc<PooledSession>>,
        reason: CloseReason,
    ) -> Self {
        let close: Vec<_> = sessions
            .into_iter()
            .map(|session| (session, reason))
            .collect();
        if close.is_empty() {
            return Self::None;
        }
        EffectList {
            close,
            ..EffectList::default()
        }
        .into()
    }

    /// Sweeps the key at `at`.
    pub(crate) fn sweep_by(at: Timestamp) -> Self {
        EffectList {
            sweep_by: Some(at),
            ..EffectList::default()
        }
        .into()
    }
}

impl From<EffectList> for Effects {
    fn from(list: EffectList) -> Self {
        Self::List(Box::new(list))
    }
}

impl From<Left> for EffectList {
    fn from(left: Left) -> Self {
        Self {
            settled: left.is_settled,
            wakers: left.wakers,
            ..Self::default()
        }
    }
}
