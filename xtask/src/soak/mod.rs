//! `cargo xtask soak`: users, keys, faults, kills, pauses and cancellations at random, by a seed.
//!
//! Each server is a process of its own, which is killed and comes back on its port. Each execution is in
//! a journal on disk, which outlives the process. At the end the journals and what the callers got are
//! compared, no session may be open, and this process must need no more than after its warm-up.

mod journal;
mod phase;
mod process;
mod random;
mod report;
mod resources;
mod server;
mod setup;
mod users;

use std::{path::PathBuf, sync::Arc, time::Duration};

use mcp_session_pool::SessionPool;
use tokio::time::{Instant, sleep};
use xshell::{Shell, cmd};

use self::{journal::Outcomes, phase::Phase, report::Report, setup::Setup, users::User};
pub(crate) use self::{
    process::Server,
    random::{Random, fresh_seed},
    resources::Resources,
    server::Options as ServerOptions,
};
use crate::{Result, lateness::Lateness};

/// Options of the run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How long the users call after the warm-up.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The seed of everything that is random, but the timing of the machine.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of users, each with a key of its own.
    #[arg(long, default_value_t = 200)]
    users: usize,
    /// How long the warm-up is.
    #[arg(long, default_value_t = 20)]
    warm_seconds: u64,
    /// Seconds instead of minutes, for a short look.
    #[arg(long)]
    seconds: Option<u64>,
    /// Prints one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--minutes={}", self.minutes),
            format!("--seed={}", self.seed),
            format!("--users={}", self.users),
            format!("--warm-seconds={}", self.warm_seconds),
        ];
        let seconds = self.seconds.map(|seconds| format!("--seconds={seconds}"));
        arguments.extend(seconds);
        arguments.extend(self.json.then(|| "--json".to_owned()));
        arguments
    }

    fn length(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(self.minutes * 60))
    }
}

/// Soaks in a release build, which cargo makes first.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let arguments = options.arguments();
    Ok(cmd!(
        sh,
        "cargo run --release --quiet --package xtask -- soak-inner {arguments...}"
    )
    .quiet()
    .run()?)
}

/// Soaks in this process.
pub(crate) fn show(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(soak(options))?;
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => println!("{report}"),
    }
    report.check()
}

/// Runs a server in this process until its parent closes the pipe.
pub(crate) fn serve(options: &ServerOptions) -> Result {
    server::run(options)
}

async fn soak(options: &Options) -> Result<Report> {
    let folder = std::env::temp_dir().join(format!("mcp-soak-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let soak = Soak {
        setup: Setup::new()?,
        lateness: Arc::new(Lateness::start()),
        options: options.clone(),
        folder,
    };
    let warm = Duration::from_secs(options.warm_seconds);
    soak.phase("warm", warm).await?;
    let before = Resources::settled(None).await?;
    let phase = soak.phase("main", options.length()).await?;
    let after = Resources::settled(Some(&before)).await?;
    let report = Report::of(&phase, &before, &after)?;
    if report.check().is_ok() {
        std::fs::remove_dir_all(&soak.folder)?;
    }
    Ok(report)
}

/// What both phases share.
struct Soak {
    setup: Setup,
    lateness: Arc<Lateness>,
    options: Options,
    folder: PathBuf,
}

impl Soak {
    /// Has the users call servers that fail, then heals the servers and closes the pool.
    async fn phase(&self, name: &str, length: Duration) -> Result<Phase> {
        let journal = |server: &str| self.folder.join(format!("{name}-{server}"));
        let mut servers = Vec::new();
        for kind in server::KINDS {
            servers.push(Server::start(kind, journal(kind), Some(self.options.seed)).await?);
        }
        let outcomes = Arc::new(Outcomes::create(journal("outcomes"))?);
        let pool = self.setup.pool()?;
        let users = self.start_users(&pool, &servers, &outcomes, Instant::now() + length);
        self.kill_at_random(&mut servers, length).await?;
        for user in users {
            user.await?;
        }
        for server in &mut servers {
            server.heal().await?;
        }
        // What a fault delays is over by then.
        sleep(Duration::from_secs(2)).await;
        let report = pool.close(Duration::from_secs(20)).await;
        if !report.complete {
            eprintln!("{report:?}");
        }
        let leaks = pool.stats().total_sessions + usize::from(!report.complete);
        let open_sessions = open_sessions(&mut servers).await?;
        let (overshoot, late) = outcomes.finish()?;
        Ok(Phase {
            journals: server::KINDS.iter().map(|kind| journal(kind)).collect(),
            outcomes: journal("outcomes"),
            open_sessions,
            leaks,
            overshoot,
            late,
        })
    }

    fn start_users(
        &self,
        pool: &SessionPool,
        servers: &[Server],
        outcomes: &Arc<Outcomes>,
        until: Instant,
    ) -> Vec<tokio::task::JoinHandle<()>> {
        let users = (0..self.options.users).map(|number| {
            let user = User {
                number,
                endpoint: servers[number % servers.len()].endpoint(),
                pool: pool.clone(),
                outcomes: Arc::clone(outcomes),
                lateness: Arc::clone(&self.lateness),
                random: Random::of(self.options.seed, number as u64),
                longest_pause: longest_pause(self.options.users),
            };
            tokio::spawn(user.call_until(until))
        });
        users.collect()
    }

    /// Kills a server every few seconds, and starts it on its port again.
    async fn kill_at_random(&self, servers: &mut [Server], length: Duration) -> Result {
        let end = Instant::now() + length;
        let mut random = Random::of(self.options.seed, u64::MAX);
        loop {
            sleep(random.between(2_000, 6_000)).await;
            if Instant::now() + Duration::from_secs(1) > end {
                return Ok(());
            }
            let number = random.below(servers.len() as u64);
            let server = &mut servers[usize::try_from(number)?];
            server.kill().await?;
            sleep(random.between(10, 600)).await;
            server.restart().await?;
        }
    }
}

/// The longest of most pauses between two calls of a user, in milliseconds: more than 200 users together call as
/// often as 200 do, which two cores keep up with. Where a machine cannot, lateness shows nothing but that.
fn longest_pause(users: usize) -> u64 {
    users.max(200) as u64 * 3 / 2
}

/// The sessions that are open on all servers, once they had the time to see closed connections.
async fn open_sessions(servers: &mut [Server]) -> Result<usize> {
    let end = Instant::now() + Duration::from_secs(3);
    loop {
        let mut open = 0;
        for server in &mut *servers {
            open += server.open_sessions().await?;
        }
        if open == 0 || Instant::now() > end {
            return Ok(open);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
