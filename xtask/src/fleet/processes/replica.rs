//! A replica, as the run sees it.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout},
    sync::Mutex as AsyncMutex,
    time::timeout,
};

use super::{
    clock::FalseClock,
    gateway::{Command, Job, Options, Reply},
    waiting::Waiting,
};
use crate::Result;

/// A process of the gateway.
pub(in crate::fleet) struct Replica {
    child: AsyncMutex<Child>,
    id: u32,
    input: AsyncMutex<Option<ChildStdin>>,
    waiting: Arc<Waiting>,
}

/// What became of a job.
#[derive(Debug)]
pub(in crate::fleet) enum Called {
    /// Its answer, and how long it took inside of the replica.
    Answered(String, Duration),
    /// Its error.
    Failed(String),
    /// The replica ended while the job was on its way.
    Cut,
    /// The replica had ended before.
    Unsent,
}

/// Longer than an acquire and a call may take.
const LIMIT: Duration = Duration::from_secs(90);

static NUMBER: AtomicU64 = AtomicU64::new(1);

impl Replica {
    /// Starts a process, which may have a clock that is wrong.
    ///
    /// # Errors
    /// It does not start.
    pub(in crate::fleet) fn start(
        options: &Options,
        clock: Option<&FalseClock>,
    ) -> Result<Arc<Self>> {
        let mut command = tokio::process::Command::new(std::env::current_exe()?);
        command.arg("fleet-gateway");
        if let Some(redis) = &options.redis {
            command.args(["--redis", redis]);
        }
        let mut child = command
            .args(["--lease", &options.lease.to_string()])
            .args(["--budget", &options.budget.to_string()])
            .envs(clock.iter().flat_map(|clock| clock.variables()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = output.ok_or("no standard output")?;
        let waiting = Arc::new(Waiting::new());
        tokio::spawn(read(output, Arc::clone(&waiting)));
        Ok(Arc::new(Self {
            id: child.id().ok_or("it has ended")?,
            child: AsyncMutex::new(child),
            input: AsyncMutex::new(input),
            waiting,
        }))
    }

    /// Has the replica do a job.
    pub(in crate::fleet) async fn run(&self, job: Job) -> Called {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let Some(reply) = self.waiting.add(number) else {
            return Called::Unsent;
        };
        if !self.send(&Command { number, job }).await {
            self.waiting.remove(number);
            return Called::Unsent;
        }
        let Ok(reply) = timeout(LIMIT, reply).await else {
            return Called::Failed("no answer of the replica".to_owned());
        };
        match reply {
            Ok(Reply {
                text: Some(text),
                micros,
                ..
            }) => Called::Answered(text, Duration::from_micros(micros)),
            Ok(reply) => Called::Failed(reply.error.unwrap_or_default()),
            Err(_) => Called::Cut,
        }
    }

    /// Writes a command as a whole. Returns false where the replica takes none.
    async fn send(&self, command: &Command) -> bool {
        let mut line = serde_json::to_vec(command).unwrap_or_default();
        line.push(b'\n');
        match self.input.lock().await.as_mut() {
            Some(input) => input.write_all(&line).await.is_ok(),
            None => false,
        }
    }

    /// Ends the replica as a deploy does: what it has begun is completed.
    pub(in crate::fleet) async fn stop(&self) -> Result {
        drop(self.input.lock().await.take());
        self.child.lock().await.wait().await?;
        Ok(())
    }

    /// Kills the replica.
    pub(in crate::fleet) async fn kill(&self) -> Result {
        Ok(self.child.lock().await.kill().await?)
    }

    /// Sends a signal, such as `STOP`.
    pub(in crate::fleet) fn signal(&self, name: &str) -> Result {
        signal(self.id, name)
    }
}

async fn read(output: ChildStdout, waiting: Arc<Waiting>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(reply) = serde_json::from_str(&line) {
            waiting.answer(reply);
        }
    }
    waiting.end();
}

/// Sends a signal to a process.
///
/// # Errors
/// There is no such process.
pub(crate) fn signal(id: u32, name: &str) -> Result {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status()?;
    match sent.success() {
        true => Ok(()),
        false => Err(format!("no process {id} to send {name}").into()),
    }
}
