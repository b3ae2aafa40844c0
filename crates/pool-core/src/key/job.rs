//! What a key hands over to background maintenance.

use tokio::sync::mpsc;

use super::seeking::SessionGrant;
use crate::{
    extend::CloseReason, key::session::Ending, time::Timestamp, types::PoolKey,
    wire::BackgroundWork,
};

/// Work for the maintenance task. A job that may lie about for long names its key, so that it keeps no
/// key alive.
pub(crate) enum Job {
    /// Close a session that has left its key.
    Close(Ending),
    /// Start the connects that a key wants.
    Connect(PoolKey),
    /// A key was removed.
    KeyRemoved(PoolKey, CloseReason),
    /// Take a removed key out of the map.
    Forget(PoolKey, CloseReason),
    /// Open a session under a permit that was granted.
    Open(SessionGrant),
    /// Reclaim capacity for those who wait for it.
    Reclaim,
    /// The transport of a session reported its end.
    SessionEnded(PoolKey, u64),
    /// Run work that outlives its caller.
    Run(BackgroundWork),
    /// Sweep a key at this time.
    Sweep(PoolKey, Timestamp),
    /// Move the coarse clock on, for as long as it is read.
    Tick,
    /// Look for leases that are held for too long, as long as there are any.
    WatchLeases,
}

/// Sends jobs to the maintenance task and keeps it alive. The handles of the pool have one, each
/// connect and each open session: whatever still has to be closed.
#[derive(Clone)]
pub(crate) struct JobSender(mpsc::UnboundedSender<Job>);

/// Sends jobs to the maintenance task without keeping it alive. A key has this one: requests keep
/// keys, and the map frees a removed key at some later time.
#[derive(Clone)]
pub(crate) struct WeakJobSender(mpsc::WeakUnboundedSender<Job>);

impl JobSender {
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Job>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends a job. The maintenance task outlives every sender, except when its runtime is gone: then
    /// no farewell can be sent any more, and the dropped job reports the end of its session.
    pub(crate) fn send(&self, job: Job) {
        let _ = self.0.send(job);
    }

    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// The job, when the maintenance task is gone.
    pub(crate) fn try_send(&self, job: Job) -> Result<(), Job> {
        self.0.send(job).map_err(|unsent| unsent.0)
    }

    /// True once the maintenance task is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// A sender that does not keep the maintenance task alive.
    pub(crate) fn downgrade(&self) -> WeakJobSender {
        WeakJobSender(self.0.downgrade())
    }
}

impl WeakJobSender {
    /// Sends a job. After the last handle of the pool only the closing of sessions matters, and each
    /// open session has a [`JobSender`] for that.
    pub(crate) fn send(&self, job: Job) {
        if let Some(jobs) = self.upgrade() {
            jobs.send(job);
        }
    }

    /// A sender that keeps the maintenance task alive; `None` when the task has ended or is about to.
    pub(crate) fn upgrade(&self) -> Option<JobSender> {
        self.0.upgrade().map(JobSender)
    }
}
