//! The job of a bridge: a thousand calls at the same time, of which each gets its own answer.

use futures::future::try_join_all;
use mcp_session_pool::Endpoint;
use tokio::time::Duration;

use super::{
    super::{rows::Row, server::Server},
    outcome::Outcome,
    users::{USERS, must, pool, users},
};
use crate::Result;

/// Lets five users make 1,000 calls in all, every one of them at the same time.
///
/// A bridge that writes each answer to each client shows whether a client takes answers of others.
///
/// # Errors
/// The first call without its own answer.
pub(super) async fn run(row: &Row, server: &Server) -> Result<Outcome> {
    let pool = pool(None)?;
    let endpoint = Endpoint::new(&server.url(row.path), row.transport.clone())?;
    let users = users(row, &pool, &endpoint.with_lifecycle(row.lifecycle)).await?;
    let numbers = 0..CALLS / USERS;
    let calls = users
        .iter()
        .flat_map(|user| numbers.clone().map(|number| user.call(row, number)));
    let answered = try_join_all(calls).await?.len();
    let revision = users[0].revision().await?;
    let opened = pool.stats().sessions_opened;
    let closing = pool.close(Duration::from_secs(10)).await;
    must(
        closing.complete && closing.forced == 0,
        "the pool closes in time",
    )?;
    Ok(Outcome {
        revision,
        sessions: format!("{opened} closed"),
        calls: answered,
    })
}

const CALLS: usize = 1_000;
