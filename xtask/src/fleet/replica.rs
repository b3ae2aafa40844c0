//! A replica, as the run sees it.

use std::{
    collections::HashMap,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout},
    sync::{Mutex as AsyncMutex, oneshot},
    time::timeout,
};

use super::gateway::{Command, Options, Reply};
use crate::Result;

/// A process of the gateway.
pub(super) struct Replica {
    child: AsyncMutex<Child>,
    id: u32,
    input: AsyncMutex<Option<ChildStdin>>,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Reply>>>>,
}

/// What became of a call.
#[derive(Debug)]
pub(super) enum Called {
    /// Its answer.
    Answered(String),
    /// Its error.
    Failed(#[expect(dead_code, reason = "it is shown")] String),
    /// The replica ended while the call was on its way, or before it.
    Cut,
}

/// Longer than an acquire and a call may take.
const LIMIT: Duration = Duration::from_secs(90);

static NUMBER: AtomicU64 = AtomicU64::new(1);

impl Replica {
    /// Starts a process.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(options: &Options) -> Result<Arc<Self>> {
        let mut child = tokio::process::Command::new(std::env::current_exe()?)
            .arg("fleet-gateway")
            .args(["--redis", &options.redis])
            .args(["--lease", &options.lease.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = output.ok_or("no standard output")?;
        let waiting = Arc::default();
        tokio::spawn(read(output, Arc::clone(&waiting)));
        Ok(Arc::new(Self {
            id: child.id().ok_or("it has ended")?,
            child: AsyncMutex::new(child),
            input: AsyncMutex::new(input),
            waiting,
        }))
    }

    /// Has the replica make a call.
    pub(super) async fn call(&self, mut command: Command) -> Called {
        command.number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (sender, reply) = oneshot::channel();
        let lock = || self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        lock().insert(command.number, sender);
        let mut line = serde_json::to_vec(&command).unwrap_or_default();
        line.push(b'\n');
        let sent = match self.input.lock().await.as_mut() {
            Some(input) => input.write_all(&line).await.is_ok(),
            None => false,
        };
        if !sent {
            lock().remove(&command.number);
            return Called::Cut;
        }
        let Ok(reply) = timeout(LIMIT, reply).await else {
            return Called::Failed("no answer of the replica".to_owned());
        };
        match reply {
            Ok(Reply {
                text: Some(text), ..
            }) => Called::Answered(text),
            Ok(reply) => Called::Failed(reply.error.unwrap_or_default()),
            Err(_) => Called::Cut,
        }
    }

    /// Ends the replica as a deploy does: what it has begun is completed.
    pub(super) async fn stop(&self) -> Result {
        drop(self.input.lock().await.take());
        self.child.lock().await.wait().await?;
        Ok(())
    }

    /// Kills the replica.
    pub(super) async fn kill(&self) -> Result {
        Ok(self.child.lock().await.kill().await?)
    }

    /// Sends a signal, such as `STOP`.
    pub(super) fn signal(&self, name: &str) -> Result {
        signal(self.id, name)
    }
}

async fn read(output: ChildStdout, waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Reply>>>>) {
    let mut lines = BufReader::new(output).lines();
    let lock = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(reply) = serde_json::from_str::<Reply>(&line) else {
            continue;
        };
        if let Some(sender) = lock().remove(&reply.number) {
            let _ = sender.send(reply);
        }
    }
    // The calls on their way are cut.
    lock().clear();
}

/// Sends a signal to a process.
///
/// # Errors
/// There is no such process.
pub(super) fn signal(id: u32, name: &str) -> Result {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status()?;
    match sent.success() {
        true => Ok(()),
        false => Err(format!("no process {id} to send {name}").into()),
    }
}
