//! The process of a server.

use std::{net::TcpListener, path::PathBuf, process::Stdio};

use mcp_session_pool::{Endpoint, config::Lifecycle};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{Result, fleet::signal};

/// A server in a process of its own. Dropping it kills the process.
pub(crate) struct Server {
    kind: &'static str,
    port: u16,
    journal: PathBuf,
    seed: Option<u64>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server on a free port. Without a seed it has no faults.
    pub(crate) async fn start(
        kind: &'static str,
        journal: PathBuf,
        seed: Option<u64>,
    ) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = Self {
            kind,
            port,
            journal,
            seed,
            running: None,
        };
        server.restart().await?;
        Ok(server)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let origin = format!("http://127.0.0.1:{}", self.port);
        let endpoint = match self.kind {
            "sse" => Endpoint::sse(&format!("{origin}/sse")),
            _ => Endpoint::streamable_http(&format!("{origin}/mcp")),
        };
        let era = match self.kind {
            "stateless" => Lifecycle::Stateless,
            _ => Lifecycle::Legacy,
        };
        let endpoint = endpoint.expect("a loopback address makes a valid url");
        endpoint.with_lifecycle(era)
    }

    /// Kills the process as `kill -9` does.
    pub(crate) async fn kill(&mut self) -> Result {
        if let Some(mut running) = self.running.take() {
            running.child.kill().await?;
        }
        Ok(())
    }

    /// Starts the process on its port, after a kill with other faults than before.
    pub(super) async fn restart(&mut self) -> Result {
        self.seed = self.seed.map(|seed| seed.wrapping_add(1));
        let mut child = Command::new(std::env::current_exe()?)
            .arg("soak-server")
            .arg(format!("--kind={}", self.kind))
            .arg(format!("--port={}", self.port))
            .args(self.seed.map(|seed| format!("--seed={seed}")))
            .arg("--journal")
            .arg(&self.journal)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (commands, stdout) = pipes.ok_or("a server without pipes")?;
        let mut answers = BufReader::new(stdout).lines();
        answers
            .next_line()
            .await?
            .ok_or("the server did not start")?;
        self.running = Some(Running {
            child,
            commands,
            answers,
        });
        Ok(())
    }

    /// Sends a signal to the process, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) -> Result {
        let running = self.running.as_ref();
        let id = running.and_then(|running| running.child.id());
        signal(id.ok_or("the server is not running")?, name)
    }

    /// Ends the faults.
    pub(super) async fn heal(&mut self) -> Result {
        self.command("heal").await.map(drop)
    }

    /// Has the next call meet with this fault, in the words of an order.
    pub(crate) async fn arm(&mut self, fault: &str) -> Result {
        self.command(&format!("arm {fault}")).await.map(drop)
    }

    pub(crate) async fn open_sessions(&mut self) -> Result<usize> {
        Ok(self.command("sessions").await?.parse()?)
    }

    async fn command(&mut self, command: &str) -> Result<String> {
        let running = self.running.as_mut().ok_or("the server is not running")?;
        let line = format!("{command}\n");
        running.commands.write_all(line.as_bytes()).await?;
        let answer = running.answers.next_line().await?;
        Ok(answer.ok_or("the server has ended")?)
    }
}
