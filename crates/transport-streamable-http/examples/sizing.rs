//! What a session and a key cost in memory, and a look at all keys in time.
//!
//! ```console
//! cargo run --release --package mcp-pool-transport-streamable-http --example sizing
//! ```
//!
//! The server runs in a process of its own, so that what it needs is not counted.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mcp_pool_core::{AcquireRequest, Endpoint, KeyQuery, PoolConfig, Principal, SessionPool};
use mcp_pool_testkit::server::CounterServer;
use mcp_pool_transport_streamable_http::StreamableHttpConnector;
use tokio::time::Instant;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result {
    if env::args().any(|argument| argument == SERVE) {
        let server = CounterServer::start();
        println!("{}", server.url());
        // Until whoever started it lets go of it.
        std::io::stdin().read_line(&mut String::new())?;
        return Ok(());
    }
    sessions().await?;
    keys().await
}

/// What an idle session costs.
async fn sessions() -> Result {
    let (mut server, url) = serve()?;
    let pool = pool()?;
    let open = async |from: usize, to: usize| -> Result {
        for user in from..to {
            let request = AcquireRequest::new(Endpoint::streamable_http(&url)?, user_of(user));
            drop(pool.acquire(&request).await?);
        }
        Ok(())
    };
    open(0, WARM_UP).await?;
    let before = resident()?;
    open(WARM_UP, WARM_UP + SESSIONS).await?;
    let each = (resident()? - before) / SESSIONS as f64;
    println!("an idle session with its key: {:.1} KB", each / 1e3);
    pool.close(Duration::from_secs(30)).await;
    server.kill()?;
    server.wait()?;
    Ok(())
}

/// What a key without sessions costs, and a look at all of them.
async fn keys() -> Result {
    let pool = pool()?;
    let endpoint = Endpoint::streamable_http("http://localhost/mcp")?;
    let before = resident()?;
    for user in 0..KEYS {
        let request = AcquireRequest::new(endpoint.clone(), user_of(user));
        pool.key(&request).await?;
    }
    let each = (resident()? - before) / KEYS as f64;
    println!("a key without sessions: {each:.0} bytes");
    for (what, look) in LOOKS {
        let mut times: Vec<_> = (0..11).map(|_| timed(|| look(&pool))).collect();
        times.sort();
        println!("{what} at {KEYS} keys: {:.1?}", times[times.len() / 2]);
    }
    Ok(())
}

type Look = fn(&SessionPool) -> usize;

const LOOKS: [(&str, Look); 3] = [
    ("a page of keys", |pool| {
        pool.key_stats(&KeyQuery::default()).matching
    }),
    ("the figures of each endpoint", |pool| {
        pool.endpoint_stats()[0].keys
    }),
    ("every key at once", |pool| pool.stats().pool_key_count),
];

fn timed(look: impl Fn() -> usize) -> Duration {
    let began = Instant::now();
    assert_eq!(look(), KEYS);
    began.elapsed()
}

fn pool() -> Result<SessionPool> {
    let config = PoolConfig {
        max_total_keys: 0,
        max_total_sessions: 0,
        ..PoolConfig::default()
    };
    Ok(SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new()?)
        .build()?)
}

fn user_of(number: usize) -> Principal {
    Principal::user(format!("user-{number}"))
}

/// Starts a server in a process of its own.
fn serve() -> Result<(Child, String)> {
    let mut server = Command::new(env::current_exe()?)
        .arg(SERVE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = server.stdout.take().ok_or("no output")?;
    let mut url = String::new();
    BufReader::new(output).read_line(&mut url)?;
    Ok((server, url.trim().to_owned()))
}

/// How much memory this process has, in bytes.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kilobytes.ok_or("no figure")?.parse::<f64>()? * 1024.0)
}

const SERVE: &str = "serve";
const WARM_UP: usize = 200;
const SESSIONS: usize = 2_000;
const KEYS: usize = 100_000;
