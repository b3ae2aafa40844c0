//! The thread that starts children.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot};

use super::child::{ChildProcess, Remains};
use crate::start::ProcessPermit;

/// Starts a child with three pipes, in a process group of its own.
///
/// It is started on a thread that lives as long as this process: on Linux a child ends with the
/// thread that started it, and the threads of a runtime may end at any time.
///
/// # Errors
/// The program does not start.
///
/// # Cancel safety
/// Safe: a child that is started for no caller any more is killed.
pub(crate) async fn start(command: Command, permit: ProcessPermit) -> io::Result<ChildProcess> {
    let (reply, started) = oneshot::channel();
    let job = Job::Start(Box::new(Start {
        command,
        permit,
        runtime: Handle::current(),
        reply,
    }));
    starter()?.send(job).map_err(|_| ended())?;
    started.await.map_err(|_| ended())?
}

enum Job {
    Reap(Box<Remains>),
    Start(Box<Start>),
}

struct Start {
    command: Command,
    permit: ProcessPermit,
    /// The runtime that the pipes belong to.
    runtime: Handle,
    reply: oneshot::Sender<io::Result<ChildProcess>>,
}

impl Start {
    fn run(self) {
        let Self {
            command,
            permit,
            runtime,
            reply,
        } = self;
        let _entered = runtime.enter();
        let spawn = AssertUnwindSafe(|| spawn(command));
        let spawned = catch_unwind(spawn).unwrap_or_else(|_| Err(ended()));
        let child = spawned.map(|child| ChildProcess::new(child, permit, reap));
        // Without a receiver the child is dropped, which kills it.
        let _ = reply.send(child);
    }
}

fn spawn(mut command: Command) -> io::Result<tokio::process::Child> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(target_os = "linux")]
    super::parent_death::bind(&mut command);
    let mut command = tokio::process::Command::from(command);
    #[cfg(unix)]
    command.process_group(0);
    command.kill_on_drop(true).spawn()
}

/// Reaps a killed child. Needs no runtime.
fn reap(remains: Remains) {
    if let Some(Some(starter)) = STARTER.get() {
        let _ = starter.send(Job::Reap(Box::new(remains)));
    }
}

fn starter() -> io::Result<&'static Sender<Job>> {
    STARTER.get_or_init(begin).as_ref().ok_or_else(ended)
}

/// `None`: the system gives no thread.
fn begin() -> Option<Sender<Job>> {
    let (sender, jobs) = mpsc::channel();
    let thread = thread::Builder::new().name("mcp-pool-stdio".to_owned());
    thread.spawn(move || work(&jobs)).ok()?;
    Some(sender)
}

fn work(jobs: &Receiver<Job>) {
    let mut killed: Vec<Box<Remains>> = Vec::new();
    loop {
        let job = match killed.is_empty() {
            true => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => jobs.recv_timeout(REAP_INTERVAL),
        };
        match job {
            Ok(Job::Reap(remains)) => killed.push(remains),
            Ok(Job::Start(start)) => start.run(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        killed.retain_mut(|remains| !remains.is_reaped());
    }
}

fn ended() -> io::Error {
    io::Error::other("no thread starts children")
}

static STARTER: OnceLock<Option<Sender<Job>>> = OnceLock::new();
/// How often the end of killed children is looked for.
const REAP_INTERVAL: Duration = Duration::from_millis(10);
