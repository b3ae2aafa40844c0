//! The job: the calls of each server, and the checks of its sessions.

use futures::future::{join_all, try_join_all};
use http::{HeaderMap, header::AUTHORIZATION};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool, SseConnector,
    StreamableHttpConnector,
    rmcp::model::{CallToolRequestParams, CallToolResult},
    stats::PoolStats,
};
use tokio::time::{Duration, sleep, timeout};

use super::{
    proxy::Proxy,
    rows::{Call, Keeps, Row},
    server::Server,
    session_log::{Figures, SessionLog},
};
use crate::Result;

/// The outcome of the job.
pub(super) struct Outcome {
    pub(super) revision: String,
    pub(super) figures: Figures,
    pub(super) calls: usize,
}

/// One of the users.
struct User {
    number: usize,
    client: PooledClient,
}

/// Lets five users call the server, and checks its sessions.
///
/// In the middle it kills and restarts the server.
///
/// # Errors
/// The first check that failed.
pub(super) async fn run(row: &Row, server: &mut Server, proxy: &Proxy) -> Result<Outcome> {
    let pool = pool()?;
    let url = proxy.url(row.path);
    let found = pool
        .resolve_key(&request(Endpoint::auto(&url)?, 0)?)
        .await?;
    must(
        found.transport() == &row.transport,
        "another transport is found",
    )?;
    let endpoint = Endpoint::new(&url, row.transport.clone())?.with_lifecycle(row.lifecycle);
    let users = users(&pool, &endpoint).await?;
    try_join_all(users.iter().map(|user| user.list_tools(row))).await?;
    try_join_all(users.iter().map(|user| user.work(row))).await?;

    proxy.log().note_killed();
    server.kill().await?;
    let hopeless = timeout(AT_ONCE, users[0].call(row, 1)).await;
    must(
        matches!(hopeless, Ok(Err(_))),
        "a call of a dead server fails at once",
    )?;
    if matches!(row.keeps, Keeps::Streams) {
        forgotten(&pool).await?;
    }
    server.restart().await?;

    // A user without a notice of the lost session must not notice the new one.
    try_join_all(users.iter().map(|user| user.work(row))).await?;
    let revision = users[0].revision().await?;
    must(
        revision == row.revision,
        &format!("its revision is {revision}"),
    )?;
    let closing = pool.close(Duration::from_secs(10)).await;
    must(
        closing.complete && closing.forced == 0,
        "the pool closes in time",
    )?;
    let figures = settled(proxy.log()).await;
    audit(row, proxy.log(), &figures)?;
    audit_pool(row, &pool.stats())?;
    let calls = proxy.log().answered("tools/call");
    must(
        calls == USERS * CALLS_EACH * 2,
        &format!("{calls} calls were answered"),
    )?;
    Ok(Outcome {
        revision,
        figures,
        calls,
    })
}

fn pool() -> Result<SessionPool> {
    let config = PoolConfig::default().with_call_timeout(Duration::from_secs(20));
    Ok(SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new()?)
        .connector(SseConnector::new()?)
        .build()?)
}

async fn users(pool: &SessionPool, endpoint: &Endpoint) -> Result<Vec<User>> {
    let users = (0..USERS).map(|number| async move {
        let request = request(endpoint.clone(), number)?;
        let client = pool.client(request).await?;
        Ok(User { number, client })
    });
    join_all(users).await.into_iter().collect()
}

fn request(endpoint: Endpoint, user: usize) -> Result<AcquireRequest> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer user-{user}").parse()?);
    let request = AcquireRequest::new(endpoint, Principal::user(format!("user-{user}")));
    Ok(request.with_headers(headers))
}

impl User {
    async fn list_tools(&self, row: &Row) -> Result {
        let tools = self.client.list_all_tools().await?;
        for call in row.calls {
            let is_there = tools.iter().any(|tool| tool.name == call.tool());
            must(is_there, &format!("it has no tool `{}`", call.tool()))?;
        }
        Ok(())
    }

    /// The calls of one half, one after the other.
    async fn work(&self, row: &Row) -> Result {
        for number in 0..CALLS_EACH {
            self.call(row, number).await?;
        }
        Ok(())
    }

    async fn call(&self, row: &Row, number: usize) -> Result {
        let kinds = row.calls.len();
        let call = row.calls[number % kinds];
        let message = format!("user {} call {number}", self.number);
        let params = CallToolRequestParams::new(call.tool());
        let params = match call {
            Call::Echo => {
                let arguments = serde_json::json!({ "message": message });
                params.with_arguments(arguments.as_object().cloned().unwrap_or_default())
            }
            Call::Increment => params,
        };
        let answer = text(&self.client.call_tool(params).await?);
        let right = match call {
            Call::Echo => answer.contains(&message),
            Call::Increment => answer == (number / kinds + 1).to_string(),
        };
        must(right, &format!("{message}: the answer was {answer:?}"))
    }

    async fn revision(&self) -> Result<String> {
        let lease = self.client.acquire().await?;
        Ok(lease.info().protocol_version.clone())
    }
}

impl Call {
    fn tool(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Increment => "increment",
        }
    }
}

/// The counts, once every session and stream has ended or after five seconds.
async fn settled(log: &SessionLog) -> Figures {
    for _ in 0..500 {
        let figures = log.figures();
        if figures.open == 0 && figures.streams == 0 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    log.figures()
}

/// Waits until the pool has removed the sessions of the closed streams.
///
/// A call at that very moment fails with an unknown outcome.
async fn forgotten(pool: &SessionPool) -> Result {
    let gone = async {
        while pool.stats().total_sessions > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = timeout(AT_ONCE, gone).await.is_ok();
    must(in_time, "a session leaves the pool with its stream")
}

/// Checks the log of the proxy.
///
/// It has one session for each user and half, each with all of its calls, and each closed unless it
/// was killed. The session that detected the transport is the first user's, and a server that is known
/// to be stateless is discovered once.
fn audit(row: &Row, log: &SessionLog, figures: &Figures) -> Result {
    let (lost, calls) = match row.keeps {
        Keeps::Ids | Keeps::Streams => (USERS, vec![CALLS_EACH; USERS * 2]),
        // A server without sessions loses none.
        Keeps::Nothing => (0, vec![]),
    };
    let opened_by_users = calls.len();
    let right = (figures.lost, figures.open, figures.streams) == (lost, 0, 0)
        && figures.calls == calls
        && (figures.closed + lost).saturating_sub(opened_by_users) == 0;
    must(right, &format!("the proxy saw {figures:?}"))?;
    let openings = log.answered(row.opens_with());
    let expected = match row.is_modern() {
        true => 1,
        false => USERS * row.halves(),
    };
    let what = format!("`{}` was sent {openings} times", row.opens_with());
    must(openings == expected, &what)
}

fn audit_pool(row: &Row, stats: &PoolStats) -> Result {
    let (opened, closed) = (stats.sessions_opened, stats.sessions_closed);
    let right = opened == (USERS * row.halves()) as u64 && closed == opened;
    must(
        right,
        &format!("the pool opened {opened} and closed {closed}"),
    )
}

fn text(result: &CallToolResult) -> String {
    let content = result.content.first().and_then(|content| content.as_text());
    content.map(|text| text.text.clone()).unwrap_or_default()
}

/// # Errors
/// With `otherwise`, when `holds` is false.
fn must(holds: bool, otherwise: &str) -> Result {
    match holds {
        true => Ok(()),
        false => Err(format!("not so: {otherwise}").into()),
    }
}

const USERS: usize = 5;
/// In each half.
const CALLS_EACH: usize = 20;
const AT_ONCE: Duration = Duration::from_secs(10);
