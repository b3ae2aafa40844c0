//! What a key hands over to background maintenance.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{extend::CloseReason, key::session::PooledSession, time::Timestamp, types::PoolKey};

/// Work for the maintenance task. A job names its key, so that it keeps no key alive.
pub(crate) enum Job {
    /// Close a session that has left its key.
    Close(Arc<PooledSession>, CloseReason),
    /// Start the connects that a key wants.
    Connect(PoolKey),
    /// A key was removed.
    KeyRemoved(PoolKey, CloseReason),
    /// Reclaim capacity for those who wait for it.
    Reclaim,
    /// The transport of a session reported its end.
    SessionEnded(PoolKey, u64),
    /// Sweep a key at this time.
    Sweep(PoolKey, Timestamp),
}

/// Sends jobs to the maintenance task.
#[derive(Clone)]
pub(crate) struct JobSender(mpsc::UnboundedSender<Job>);

impl JobSender {
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Job>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends a job. The maintenance task outlives the pool, except when its runtime is gone: then
    /// no farewell can be sent any more, and the dropped job drops its session.
    pub(crate) fn send(&self, job: Job) {
        let _ = self.0.send(job);
    }

    /// True once the maintenance task is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// A sender that does not keep the maintenance task alive.
    pub(crate) fn downgrade(&self) -> mpsc::WeakUnboundedSender<Job> {
        self.0.downgrade()
    }
}
