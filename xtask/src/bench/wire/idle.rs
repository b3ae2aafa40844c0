//! Idle sessions in a process of their own: its memory, its tasks, its sockets.

use std::{fs, time::Duration};

use mcp_session_pool::StreamableHttpConnector;
use serde::{Deserialize, Serialize};
use tokio::{
    runtime::{Builder, Handle},
    time::sleep,
};

use super::{
    form::Form,
    sides::{client, http, open, pool},
};
use crate::Result;

/// The idle sessions to open.
#[derive(clap::Args)]
pub(crate) struct IdleOptions {
    /// The endpoint.
    #[arg(long)]
    url: String,
    /// The number of sessions, each of another user.
    #[arg(long)]
    sessions: usize,
}

/// What the sessions take. `None`: this system does not show it.
#[derive(Serialize, Deserialize)]
pub(super) struct Idle {
    /// The tasks of all sessions.
    pub(super) tasks: f64,
    pub(super) sockets: Option<f64>,
    /// The resident memory of all sessions.
    pub(super) memory: Option<f64>,
}

/// Opens the sessions, waits, and prints what they take as JSON.
pub(crate) fn idle(options: &IdleOptions) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let idle = runtime.block_on(measure(options))?;
    println!("{}", serde_json::to_string(&idle)?);
    Ok(())
}

async fn measure(options: &IdleOptions) -> Result<Idle> {
    let endpoint = Form::Json.endpoint(&options.url)?;
    let port = endpoint.url().port().unwrap_or_default();
    let connector = StreamableHttpConnector::from_builder(http(IDLE_TIME))?;
    let pool = pool(connector)?;
    open(&client(&pool, &endpoint, 0).await?).await?;
    connections_closed(port).await;
    let (tasks, memory) = (tasks(), resident());
    for user in 1..=options.sessions {
        open(&client(&pool, &endpoint, user).await?).await?;
    }
    connections_closed(port).await;
    Ok(Idle {
        tasks: self::tasks() - tasks,
        sockets: sockets(port),
        memory: resident().zip(memory).map(|(after, before)| after - before),
    })
}

/// Waits for more than the idle time of connections.
async fn connections_closed(port: u16) {
    for _ in 0..50 {
        sleep(IDLE_TIME).await;
        if sockets(port).is_none_or(|sockets| sockets == 0.0) {
            break;
        }
    }
    sleep(IDLE_TIME).await;
}

fn tasks() -> f64 {
    Handle::current().metrics().num_alive_tasks() as f64
}

/// The resident memory of this process, in bytes.
fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// The established connections to this port of the loopback interface.
fn sockets(port: u16) -> Option<f64> {
    let table = fs::read_to_string("/proc/self/net/tcp").ok()?;
    let remote = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let mut columns = line.split_whitespace().skip(2);
        let to_port = columns.next().is_some_and(|end| end.ends_with(&remote));
        to_port && columns.next() == Some(ESTABLISHED)
    };
    Some(table.lines().filter(is_open).count() as f64)
}

/// How long a connection stays open after its last use.
const IDLE_TIME: Duration = Duration::from_millis(200);
const ESTABLISHED: &str = "01";
