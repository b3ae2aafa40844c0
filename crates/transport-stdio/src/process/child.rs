//! One child process.

use std::{fmt, process::ExitStatus};

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::group::Group;
use crate::start::ProcessPermit;

/// One child process, with the processes that it started. Dropping it kills them.
pub(crate) struct ChildProcess {
    /// `None` once it is reaped or handed over.
    child: Option<Child>,
    group: Group,
    permit: Option<ProcessPermit>,
    /// Reaps a child that is dropped.
    reaper: fn(Remains),
}

/// A child that was killed and is not reaped yet.
pub(super) struct Remains {
    child: Child,
    _permit: Option<ProcessPermit>,
}

/// The ends of a child's pipes.
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

impl ChildProcess {
    pub(super) fn new(child: Child, permit: ProcessPermit, reaper: fn(Remains)) -> Self {
        Self {
            group: Group::of(child.id()),
            child: Some(child),
            permit: Some(permit),
            reaper,
        }
    }

    /// The pipes, the first time.
    pub(crate) fn pipes(&mut self) -> Option<Pipes> {
        let child = self.child.as_mut()?;
        Some(Pipes {
            stdin: child.stdin.take()?,
            stdout: child.stdout.take()?,
            stderr: child.stderr.take()?,
        })
    }

    /// Waits for the end of the child, reaps it and kills what it leaves behind.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let Some(child) = &mut self.child else {
            return ExitStatus::default();
        };
        // Without a status the child is not ours any more.
        let status = child.wait().await.unwrap_or_default();
        // At once, before the system gives the id to another process.
        self.group.kill();
        self.child = None;
        self.permit = None;
        status
    }

    /// Requests the end of the child and of its children.
    pub(crate) fn terminate(&self) {
        if self.child.is_some() {
            self.group.terminate();
        }
    }

    /// Kills the child and its children. They still have to be reaped.
    pub(crate) fn kill(&mut self) {
        // The id of a child that is reaped may be that of another process.
        if let Some(child) = &mut self.child {
            self.group.kill();
            // Fails only where the child has ended.
            let _ = child.start_kill();
        }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
        if let Some(child) = self.child.take() {
            (self.reaper)(Remains {
                child,
                _permit: self.permit.take(),
            });
        }
    }
}

impl fmt::Debug for ChildProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildProcess").finish_non_exhaustive()
    }
}

impl Remains {
    /// True once the child is reaped.
    pub(super) fn is_reaped(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}
