//! A server under test.
//!
//! One of a package in its own process, or rmcp's in this process.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
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
    rows::{Job, Package, Registry, Row, Source},
};
use crate::Result;

/// A server under test. Killed when dropped.
pub(super) enum Server {
    Process(Process),
    Embedded(CounterServer, SocketAddr),
}

/// A server in its own process.
pub(super) struct Process {
    package: &'static Package,
    words: &'static [&'static str],
    address: SocketAddr,
    log: PathBuf,
    child: Child,
}

impl Server {
    /// Starts the server of a row on a free port, for one of its jobs.
    pub(super) async fn start(row: &Row, job: Job) -> Result<Self> {
        match row.source {
            Source::Package(package, words) => {
                let log =
                    install::logs().join(format!("{}.log", row.name_of(job).replace(' ', "-")));
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

    /// The URL of a path on the server.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Ends it without a closing message, as a crash does.
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
        let child = spawn(package, words, address, &log)?;
        let mut process = Self {
            package,
            words,
            address,
            log,
            child,
        };
        match process.ready().await {
            Ok(()) => Ok(process),
            // Another process may have taken the port meanwhile.
            Err(_) => {
                process.address = free_address().await?;
                process.restart().await?;
                Ok(process)
            }
        }
    }

    async fn restart(&mut self) -> Result {
        self.child = spawn(self.package, self.words, self.address, &self.log)?;
        self.ready().await
    }

    /// Waits until it listens.
    async fn ready(&mut self) -> Result {
        for _ in 0..TRIES {
            if let Some(status) = self.child.try_wait()? {
                let output = fs::read_to_string(&self.log).unwrap_or_default();
                let last = output.lines().last().unwrap_or("nothing");
                return Err(format!("ended at once ({status}); its last output: {last}").into());
            }
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            sleep(BETWEEN_TRIES).await;
        }
        Err(format!("does not listen after {:?}", BETWEEN_TRIES * TRIES).into())
    }
}

fn spawn(package: &Package, words: &[&str], address: SocketAddr, log: &Path) -> Result<Child> {
    let start = install::start(package);
    let port = address.port().to_string();
    let mut command = Command::new(start.program);
    command
        .args(start.script)
        .env("PORT", &port)
        // ASP.NET Core takes its address from there.
        .env("ASPNETCORE_URLS", format!("http://{address}"))
        .envs(install::UNREPORTED);
    if package.registry == Registry::PyPi {
        command.arg(&port);
    }
    let scripts = install::scripts();
    let words = words.iter().map(|word| match *word {
        "{server}" => install::behind_bridges(),
        word => word
            .replace("{port}", &port)
            .replace("{scripts}", &scripts.to_string_lossy()),
    });
    let log = File::options().create(true).append(true).open(log)?;
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    Ok(command.spawn()?)
}

/// A free port, for a server that cannot choose one by itself.
async fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?)
}

/// Some gateways import for a minute on a busy machine.
const TRIES: u32 = 3_000;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
