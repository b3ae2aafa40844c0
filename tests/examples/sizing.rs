//! The memory of sessions and keys, and the time of a query over all keys.
//!
//! ```console
//! cargo run --release --package mcp-session-pool-tests --example sizing
//! ```
//!
//! Each kind of session has a process of its own, and so has its server, so that no other memory is
//! counted.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, Principal, SessionPool, SseConnector,
    StreamableHttpConnector, stats::KeyQuery,
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A kind of session.
struct Kind {
    name: &'static str,
    modes: fn() -> Modes,
    /// True when the pool caches lists of tools, so that sessions receive changes.
    listens: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &arguments[..] {
        [what, kind] if what == SERVE => serve(&KINDS[kind.parse::<usize>()?]),
        [what, kind] if what == HOLD => hold(kind.parse()?).await,
        _ => {
            for (number, kind) in KINDS.iter().enumerate() {
                let child = Command::new(env::current_exe()?)
                    .args([HOLD, &number.to_string()])
                    .status()?;
                assert!(child.success(), "{}", kind.name);
            }
            keys().await
        }
    }
}

/// Runs a server until the parent process closes its standard input.
fn serve(kind: &Kind) -> Result {
    let server = CounterServer::start_as((kind.modes)());
    println!("{}", server.url());
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Holds idle sessions, and prints the cost of one.
async fn hold(number: usize) -> Result {
    let kind = &KINDS[number];
    let (mut server, url) = started(number)?;
    let pool = pool(kind.listens)?;
    let endpoint = match (kind.modes)().streamable_http {
        true => Endpoint::streamable_http(&url)?,
        false => Endpoint::sse(&url)?,
    };
    let open = async |users: std::ops::Range<usize>| -> Result<Holding> {
        for user in users {
            let request = AcquireRequest::new(endpoint.clone(), user_of(user));
            drop(pool.acquire(&request).await?);
        }
        // The memory for opening them is released first.
        sleep(SETTLING).await;
        Holding::now()
    };
    let before = open(0..WARM_UP).await?;
    let after = open(WARM_UP..WARM_UP + SESSIONS).await?;
    let each = |of: fn(&Holding) -> f64| (of(&after) - of(&before)) / SESSIONS as f64;
    println!(
        "{}, idle, with its key: {:.1} KB, {:.2} sockets, {:.2} tasks",
        kind.name,
        each(|holding| holding.bytes) / 1e3,
        each(|holding| holding.files),
        each(|holding| holding.tasks),
    );
    pool.close(Duration::from_secs(30)).await;
    server.kill()?;
    server.wait()?;
    Ok(())
}

/// The memory of this process at one time.
struct Holding {
    bytes: f64,
    files: f64,
    tasks: f64,
}

impl Holding {
    fn now() -> Result<Self> {
        Ok(Self {
            bytes: resident()?,
            files: fs::read_dir("/proc/self/fd")?.count() as f64,
            tasks: Handle::current().metrics().num_alive_tasks() as f64,
        })
    }
}

/// Measures the cost of a key without sessions, and of queries over all keys.
async fn keys() -> Result {
    let pool = pool(false)?;
    let endpoint = Endpoint::streamable_http("http://localhost/mcp")?;
    let before = resident()?;
    for user in 0..KEYS {
        let request = AcquireRequest::new(endpoint.clone(), user_of(user));
        pool.resolve_key(&request).await?;
    }
    let each = (resident()? - before) / KEYS as f64;
    println!("a key without sessions: {each:.0} bytes");
    for (what, query) in QUERIES {
        let mut times: Vec<_> = (0..11).map(|_| timed(|| query(&pool))).collect();
        times.sort();
        println!("{what} at {KEYS} keys: {:.1?}", times[times.len() / 2]);
    }
    Ok(())
}

type Query = fn(&SessionPool) -> usize;

const QUERIES: [(&str, Query); 3] = [
    ("a page of keys", |pool| {
        pool.key_stats(&KeyQuery::default()).matching
    }),
    ("the figures of each endpoint", |pool| {
        pool.endpoint_stats()[0].keys
    }),
    ("every key at once", |pool| pool.stats().pool_key_count),
];

fn timed(query: impl Fn() -> usize) -> Duration {
    let began = Instant::now();
    assert_eq!(query(), KEYS);
    began.elapsed()
}

fn pool(keeps_lists: bool) -> Result<SessionPool> {
    let config = PoolConfig::default()
        .with_max_total_keys(0)
        .with_max_total_sessions(0)
        .with_tool_list_ttl(Duration::from_secs(if keeps_lists { 60 } else { 0 }));
    Ok(SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new()?)
        .connector(SseConnector::new()?)
        .build()?)
}

fn user_of(number: usize) -> Principal {
    Principal::user(format!("user-{number}"))
}

/// Starts a server in a process of its own.
fn started(kind: usize) -> Result<(Child, String)> {
    let mut server = Command::new(env::current_exe()?)
        .args([SERVE, &kind.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = server.stdout.take().ok_or("no output")?;
    let mut url = String::new();
    BufReader::new(output).read_line(&mut url)?;
    Ok((server, url.trim().to_owned()))
}

/// The memory of this process in bytes.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let entry = status.lines().find(|entry| entry.starts_with("VmRSS:"));
    let kilobytes = entry.and_then(|entry| entry.split_whitespace().nth(1));
    Ok(kilobytes.ok_or("no figure")?.parse::<f64>()? * 1024.0)
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "Streamable HTTP, with the stream for the server's messages",
        modes: Modes::default,
        listens: true,
    },
    Kind {
        name: "Streamable HTTP, without it",
        modes: Modes::default,
        listens: false,
    },
    Kind {
        name: "a server without sessions",
        modes: || Modes::default().stateless_only(),
        listens: false,
    },
    Kind {
        name: "HTTP+SSE",
        modes: || Modes::default().over_sse(),
        listens: false,
    },
];

const SERVE: &str = "serve";
const HOLD: &str = "hold";
const SETTLING: Duration = Duration::from_secs(2);
const WARM_UP: usize = 200;
const SESSIONS: usize = 2_000;
const KEYS: usize = 100_000;
