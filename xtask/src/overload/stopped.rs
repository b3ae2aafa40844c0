//! Deadlines under a server whose process is stopped.
//!
//! Of 200 callers some call on sessions that are open, some wait for the sessions of a few keys, and some
//! for a session of their own under the limit of the pool. Each call has a deadline of its own. What counts
//! is how long after its deadline a call ends that had not ended before.

use std::time::Duration;

use futures::future::try_join_all;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool, SseConnector,
    StreamableHttpConnector,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    report::Figure,
    ticker::{micros, with_ticker},
};
use crate::{
    Result,
    faults::{Class, call},
    soak::{Random, Server},
    statistics::percentile,
};

/// What the callers of a group wait for while the server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// The answer to a call on an open session.
    Call,
    /// A session of their key, which has a few.
    Key,
    /// The first session of their key, under the limit of the pool.
    Pool,
}

/// A call that had not ended at its deadline.
#[derive(Clone, Copy, Debug)]
struct Overdue {
    group: Group,
    due: Instant,
    ended: Instant,
}

/// Has each kind of server stop so many times, all kinds at the same time.
pub(super) async fn measure(rounds: usize) -> Result<Vec<Figure>> {
    let runs = try_join_all(KINDS.map(|kind| run(kind, rounds)));
    let (runs, late) = with_ticker(runs).await?;
    let bare = percentile(late, 99) as f64 / 1_000.0;
    let mut figures = vec![Figure::new("stopped_bare_timer_late_ms", bare)];
    for (kind, (overdue, left_open)) in KINDS.into_iter().zip(runs) {
        for (group, name) in GROUPS {
            let of_group = overdue.iter().filter(|call| call.group == group);
            let over: Vec<u64> = of_group
                .map(|call| micros(call.ended.duration_since(call.due)))
                .collect();
            let count = over.len();
            if count < FEWEST {
                return Err(format!("{kind}: only {count} deadlines passed of {name}").into());
            }
            let name = format!("stopped_{kind}_{name}");
            let over = percentile(over, 99) as f64 / 1_000.0;
            figures.push(Figure::new(format!("{name}_deadlines"), count as f64));
            let figure = Figure::new(format!("{name}_over_p99_ms"), over);
            figures.push(figure.at_most(bare + MOST_MS));
        }
        let figure = Figure::new(format!("stopped_{kind}_left_open"), left_open as f64);
        figures.push(figure.at_most(0.0));
    }
    Ok(figures)
}

/// The calls that were overdue while the server was stopped, and the sessions that are open in the end.
async fn run(kind: &'static str, rounds: usize) -> Result<(Vec<Overdue>, usize)> {
    let name = format!("mcp-overload-{kind}-{}", std::process::id());
    let journal = std::env::temp_dir().join(name);
    let mut server = Server::start(kind, journal.clone(), None).await?;
    let [free, short] = [pool(0)?, pool(SESSIONS)?];
    let endpoint = server.endpoint();
    let clients = (0..CALLERS).map(|number| {
        let (pool, group, user) = match number {
            _ if number % 2 == 0 => (&free, Group::Call, format!("caller-{number}")),
            _ if number % 4 == 1 => (&short, Group::Key, format!("key-{}", number / 4 % KEYS)),
            _ => (&short, Group::Pool, format!("waiter-{number}")),
        };
        client(pool, &endpoint, user, group)
    });
    let clients = try_join_all(clients).await?;
    let end = Instant::now() + (UP + STOPPED) * u32::try_from(rounds)? + UP;
    let mut callers = JoinSet::new();
    for (number, (client, group)) in clients.into_iter().enumerate() {
        let random = Random::of(number as u64, rounds as u64);
        callers.spawn(work(client, group, random, end));
    }
    let (calls, stops) = tokio::join!(callers.join_all(), stop(&server, rounds));
    let stops = stops?;
    let is_within =
        |call: &Overdue| (stops.iter()).any(|(from, to)| call.due > *from && call.due < *to);
    let overdue = calls.into_iter().flatten().filter(is_within).collect();
    for pool in [free, short] {
        let report = pool.close(Duration::from_secs(10)).await;
        if !report.complete {
            return Err(format!("{kind}: {report:?}").into());
        }
    }
    let settled = Instant::now() + SETTLED;
    let mut left_open = server.open_sessions().await?;
    while left_open > 0 && Instant::now() < settled {
        sleep(Duration::from_millis(50)).await;
        left_open = server.open_sessions().await?;
    }
    server.kill().await?;
    std::fs::remove_file(journal)?;
    Ok((overdue, left_open))
}

/// A pool with this limit of sessions, whose callers wait for their deadlines.
fn pool(sessions: usize) -> Result<SessionPool> {
    let config = PoolConfig::default()
        .with_max_total_sessions(sessions)
        .with_max_sessions_per_key(2)
        .with_shed_delay_target(Duration::ZERO);
    let pool = SessionPool::builder().config(config);
    let pool = pool.connector(StreamableHttpConnector::new()?);
    Ok(pool.connector(SseConnector::new()?).build()?)
}

async fn client(
    pool: &SessionPool,
    endpoint: &Endpoint,
    user: String,
    group: Group,
) -> Result<(PooledClient, Group)> {
    let request = AcquireRequest::new(endpoint.clone(), Principal::user(user));
    Ok((pool.client(request).await?, group))
}

/// Stops the server, and has it go on. Returns when it was stopped.
async fn stop(server: &Server, rounds: usize) -> Result<Vec<(Instant, Instant)>> {
    let mut stops = Vec::new();
    for _ in 0..rounds {
        sleep(UP).await;
        server.signal("STOP")?;
        let stopped = Instant::now();
        sleep(STOPPED).await;
        stops.push((stopped, Instant::now()));
        server.signal("CONT")?;
    }
    Ok(stops)
}

/// Calls without end. Returns the calls that had not ended at their deadlines.
async fn work(
    client: PooledClient,
    group: Group,
    mut random: Random,
    end: Instant,
) -> Vec<Overdue> {
    let mut overdue = Vec::new();
    while Instant::now() < end {
        let within = random.between(200, 2_000);
        let client = client.with_timeout(within);
        let call = call(&client, Class::Change, "call".to_owned()).await;
        let (due, ended) = (call.began + within, call.ended);
        if ended >= due {
            overdue.push(Overdue { group, due, ended });
        }
        sleep(random.between(1, 40)).await;
    }
    overdue
}

const KINDS: [&str; 3] = ["events", "stateless", "sse"];
const GROUPS: [(Group, &str); 3] = [
    (Group::Call, "call"),
    (Group::Key, "key"),
    (Group::Pool, "line"),
];
const CALLERS: usize = 200;
/// So many keys have callers that share their sessions.
const KEYS: usize = 3;
/// Under this limit half of the callers wait.
const SESSIONS: usize = 8;
const UP: Duration = Duration::from_secs(2);
const STOPPED: Duration = Duration::from_secs(20);
/// How soon a server that goes on has seen what was sent to it meanwhile.
const SETTLED: Duration = Duration::from_secs(10);
const MOST_MS: f64 = 50.0;
/// Of fewer deadlines the 99th percentile is no figure.
const FEWEST: usize = 100;
