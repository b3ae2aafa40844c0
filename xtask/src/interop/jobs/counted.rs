//! The job behind a proxy that counts the sessions of each user.

use futures::future::try_join_all;
use mcp_session_pool::{Endpoint, SessionPool, stats::PoolStats};
use tokio::time::{Duration, sleep, timeout};

use super::{
    super::{
        proxy::Proxy,
        rows::{Keeps, Row},
        server::Server,
        session_log::{Figures, SessionLog},
    },
    outcome::Outcome,
    users::{AT_ONCE, CALLS_EACH, USERS, must, pool, request, users},
};
use crate::Result;

/// Lets five users call the server, and checks its sessions.
///
/// In the middle it kills and restarts the server.
///
/// # Errors
/// The first check that failed.
pub(super) async fn run(row: &Row, server: &mut Server) -> Result<Outcome> {
    let proxy = Proxy::start(server.address()).await?;
    let pool = pool(None)?;
    let url = proxy.url(row.path);
    let found = pool
        .resolve_key(&request(row, Endpoint::auto(&url)?, 0)?)
        .await?;
    must(
        found.transport() == &row.transport,
        "another transport is found",
    )?;
    let endpoint = Endpoint::new(&url, row.transport.clone())?.with_lifecycle(row.lifecycle);
    let users = users(row, &pool, &endpoint).await?;
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
        sessions: sessions(&figures),
        calls,
    })
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
        // None is opened after the crash.
        Keeps::Any => (USERS, vec![CALLS_EACH * 2; USERS]),
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
    must(openings == expected, &what)?;
    audit_redirects(row, log)
}

/// A temporary redirect is not remembered, so that each request meets it once.
fn audit_redirects(row: &Row, log: &SessionLog) -> Result {
    let (redirects, others) = log.redirects();
    let expected = if row.redirects { others } else { 0 };
    let what = format!("{redirects} redirects beside {others} other responses");
    must(redirects == expected, &what)
}

fn audit_pool(row: &Row, stats: &PoolStats) -> Result {
    let (opened, closed) = (stats.sessions_opened, stats.sessions_closed);
    let right = opened == (USERS * row.halves()) as u64 && closed == opened;
    must(
        right,
        &format!("the pool opened {opened} and closed {closed}"),
    )
}

fn sessions(figures: &Figures) -> String {
    match (figures.closed, figures.lost) {
        (0, 0) => "keeps none".to_owned(),
        (closed, lost) => format!("{closed} closed, {lost} killed"),
    }
}
