//! The job without a proxy: the server is killed and restarted under sessions that are idle.

use futures::future::try_join_all;
use mcp_session_pool::{Endpoint, SessionPool, extend::ServerMessages};
use tokio::time::{Duration, sleep, timeout};

use super::{
    super::{rows::Row, server::Server},
    outcome::Outcome,
    users::{AT_ONCE, CALLS_EACH, USERS, User, must, pool, users},
};
use crate::Result;

/// Lets five users call the server, whose transport the pool detects, before and after a crash.
///
/// With `handlers` the users listen, so that their sessions have a standalone stream.
///
/// # Errors
/// The first check that failed.
pub(super) async fn run(
    row: &Row,
    server: &mut Server,
    handlers: Option<ServerMessages>,
) -> Result<Outcome> {
    let pool = pool(handlers)?;
    let endpoint = Endpoint::auto(&server.url(row.path))?.with_lifecycle(row.lifecycle);
    let users = users(row, &pool, &endpoint).await?;
    try_join_all(users.iter().map(|user| user.list_tools(row))).await?;
    try_join_all(users.iter().map(|user| user.work(row))).await?;

    server.kill().await?;
    // The others learn of the crash by their first call after it.
    let hopeless = timeout(AT_ONCE, users[0].answer(row, 0)).await;
    must(
        matches!(hopeless, Ok(Err(_))),
        "a call of a dead server fails at once",
    )?;
    server.restart().await?;

    let failed = try_join_all(users.iter().map(|user| return_to(row, user))).await?;
    let failed = failed.into_iter().filter(|failed| *failed).count();
    let revision = users[0].revision().await?;
    must(
        revision == row.revision,
        &format!("its revision is {revision}"),
    )?;
    close(&pool).await?;
    let left = left(row, server).await?;
    Ok(Outcome {
        revision,
        sessions: format!("{left} left, {failed} first calls failed"),
        calls: USERS * CALLS_EACH * 2 - failed,
    })
}

/// The calls of a user after the crash, of which only the first may fail. True when it did.
async fn return_to(row: &Row, user: &User) -> Result<bool> {
    let failed = match user.answer(row, 0).await {
        Ok(answer) => {
            user.check(row, 0, &answer)?;
            false
        }
        Err(error) => {
            let name = row.name();
            eprintln!("== {name}: a first call after the crash failed: {error}: {error:?}");
            // It was not executed, so that the count begins here.
            user.call(row, 0).await?;
            true
        }
    };
    for number in 1..CALLS_EACH {
        user.call(row, number).await?;
    }
    Ok(failed)
}

async fn close(pool: &SessionPool) -> Result {
    let closing = pool.close(Duration::from_secs(10)).await;
    must(
        closing.complete && closing.forced == 0,
        "the pool closes in time",
    )
}

/// The sessions that the server still has, where it can tell.
///
/// # Errors
/// When it has one after five seconds.
async fn left(row: &Row, server: &Server) -> Result<&'static str> {
    if !row.tells {
        return Ok("?");
    }
    let mut left = String::new();
    for _ in 0..50 {
        left = reqwest::get(server.url("/sessions")).await?.text().await?;
        if left == "0" {
            return Ok("0");
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(format!("not so: the server has no session left, it has {left}").into())
}
