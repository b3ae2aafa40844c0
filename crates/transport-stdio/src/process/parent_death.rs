//! The end of a child with its parent.

use std::{io, process::Command};

#[cfg(target_os = "linux")]
use std::os::unix::process::CommandExt;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Has the kernel kill the child when this process ends, however it ends.
///
/// Linux binds the signal to the thread that starts the child, so that this thread must live as long
/// as the process.
#[expect(unsafe_code, reason = "only the child itself can request the signal")]
pub(super) fn bind(command: &mut Command) {
    let parent = getpid();
    let request = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have ended before the request.
        match getppid() == Some(parent) {
            true => Ok(()),
            false => Err(io::ErrorKind::NotConnected.into()),
        }
    };
    // SAFETY: between fork and exec only functions that are async-signal-safe may run. The closure
    // makes two system calls, allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(request);
    }
}
