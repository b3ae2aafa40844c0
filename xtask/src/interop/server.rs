//! A server under test: one that others wrote, in a process of its own, or rmcp's.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
};

use mcp_pool_testkit::server::CounterServer;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Duration, sleep},
};

use super::{
    install,
    rows::{Package, Row, Source},
};
use crate::Result;

/// A server under test. Killed when dropped.
pub(super) enum Server {
    Process(Process),
    Embedded(CounterServer, SocketAddr),
}

/// A server in a process of its own.
pub(super) struct Process {
    package: &'static Package,
    words: &'static [&'static str],
    address: SocketAddr,
    log: PathBuf,
    child: Child,
}

impl Server {
    /// Starts the server of a row on a port of its own.
    pub(super) async fn start(row: &Row) -> Result<Self> {
        match row.source {
            Source::Package(package, words) => {
                let log = install::logs().join(format!("{}.log", row.name().replace(' ', "-")));
                fs::create_dir_all(install::logs())?;
                let process = Process::start(package, words, log).await?;
                Ok(Self::Process(process))
            }
            Source::Embedded(start) => {
                let server = start();
                let url = server.url();
                let authority = url.split('/').nth(2).unwrap_or_default();
                let address = authority.parse()?;
                Ok(Self::Embedded(server, address))
            }
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Process(process) => process.address,
            Self::Embedded(_, address) => *address,
        }
    }

    /// Ends it without a word, as a crash does.
    pub(super) async fn kill(&mut self) -> Result {
        match self {
            Self::Process(process) => process.child.kill().await?,
            Self::Embedded(server, _) => server.stop(),
        }
        Ok(())
    }

    /// Starts it again on the same port.
    pub(super) async fn restart(&mut self) -> Result {
        match self {
            Self::Process(process) => process.restart().await,
            Self::Embedded(server, _) => {
                server.restart();
                Ok(())
            }
        }
    }
}

impl Process {
    async fn start(
        package: &'static Package,
        words: &'static [&'static str],
        log: PathBuf,
    ) -> Result<Self> {
        let address = free_address().await?;
        let child = spawn(package, words, (address, &log))?;
        let mut process = Self {
            package,
            words,
            address,
            log,
            child,
        };
        match process.ready().await {
            Ok(()) => Ok(process),
            // Somebody else may have been given the port meanwhile.
            Err(_) => {
                process.address = free_address().await?;
                process.restart().await?;
                Ok(process)
            }
        }
    }

    async fn restart(&mut self) -> Result {
        let place = (self.address, &self.log);
        self.child = spawn(self.package, self.words, place)?;
        self.ready().await
    }

    /// Waits until it listens.
    async fn ready(&mut self) -> Result {
        for _ in 0..LOOKS {
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                let last = said.lines().last().unwrap_or("nothing");
                return Err(format!("ended at once ({status}), and said last: {last}").into());
            }
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            sleep(BETWEEN_LOOKS).await;
        }
        Err(format!("does not listen after {:?}", BETWEEN_LOOKS * LOOKS).into())
    }
}

fn spawn(
    package: &Package,
    words: &[&str],
    (address, log): (SocketAddr, &PathBuf),
) -> Result<Child> {
    let (program, script) = install::command(package);
    let port = address.port().to_string();
    let mut command = Command::new(program);
    command.arg(script).env("PORT", &port);
    if package.registry == super::rows::Registry::PyPi {
        command.arg(&port);
    }
    let log = File::options().create(true).append(true).open(log)?;
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    Ok(command.spawn()?)
}

/// A port that nobody listens on, for a server that cannot be told to take any.
async fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?)
}

const LOOKS: u32 = 300;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
