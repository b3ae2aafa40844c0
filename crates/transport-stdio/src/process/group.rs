//! The process group of a child: the child and its own children.

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};

/// The process group of a child.
///
/// Without process groups only the child itself can be ended, by its handle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    #[cfg(unix)]
    leader: Option<Pid>,
}

impl Group {
    /// The group that the child with this id leads.
    pub(super) fn of(leader: Option<u32>) -> Self {
        #[cfg(not(unix))]
        let _ = leader;
        Self {
            #[cfg(unix)]
            leader: leader
                .and_then(|id| i32::try_from(id).ok())
                .and_then(Pid::from_raw),
        }
    }

    /// Requests the end of all processes of the group.
    pub(super) fn terminate(self) {
        #[cfg(unix)]
        self.signal(Signal::TERM);
    }

    /// Ends all processes of the group.
    pub(super) fn kill(self) {
        #[cfg(unix)]
        self.signal(Signal::KILL);
    }

    #[cfg(unix)]
    fn signal(self, signal: Signal) {
        if let Some(leader) = self.leader {
            // Fails only where the group is gone.
            let _ = kill_process_group(leader, signal);
        }
    }
}
