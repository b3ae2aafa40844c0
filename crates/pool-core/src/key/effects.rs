//! What a change of a key entails.

use std::sync::Arc;

use super::waiter::{Grant, Waiter};
use crate::{
    extend::CloseReason,
    key::session::{PooledSession, SessionSlot},
    time::Timestamp,
};

/// What a change of a key entails, to be run by [`run`](super::runner::run) once the key's lock is
/// released.
#[must_use = "effects do nothing until they are run"]
pub(crate) enum Effects {
    /// Nothing.
    None,
    /// A session or the key became unused, which may serve a caller that waits for capacity.
    Reclaim,
    /// A released slot goes to a waiter. Under load nearly every release is one, so it has no list.
    Handover(Arc<Waiter>, SessionSlot),
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
    /// Waiters that have left the queue, each with what it gets.
    pub(crate) grants: Vec<(Arc<Waiter>, Grant)>,
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
