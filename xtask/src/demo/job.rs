//! The job: many users, rotating tokens, stateful counters.

use std::time::Duration;

use futures::future::join_all;
use http::{HeaderMap, header::AUTHORIZATION};
use indicatif::{ProgressBar, ProgressStyle};
use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool,
    StreamableHttpConnector,
    error::ExtractError,
    extend::{Identity, IdentityExtractor},
    rmcp::model::{CallToolRequestParams, CallToolResult},
    stats::PoolStats,
};

use crate::Result;

/// The outcome of the job.
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) users: u64,
    /// Calls that saw another user's state.
    pub(super) leaks: u64,
    pub(super) stats: PoolStats,
}

/// One of the users.
struct User<'a> {
    number: u64,
    pool: &'a SessionPool,
    endpoint: Endpoint,
    progress: &'a ProgressBar,
}

/// `Bearer user-7.3` is the third token of user 7.
///
/// A gateway verifies its tokens; these only have to differ.
struct UserOfToken;

/// Runs the calls of all users at the same time.
pub(super) async fn run(servers: &[CounterServer]) -> Result<Tally> {
    let config = PoolConfig::default()
        // With one session, the counter of a user is the number of the user's calls.
        .with_max_sessions_per_key(1);
    let pool = SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new()?)
        .extractor(UserOfToken)
        .build()?;
    let progress = ProgressBar::new(USERS * CALLS_EACH).with_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len} calls by {msg}, {per_sec}",
    )?);
    progress.set_message(format!("{USERS} users"));
    let users = (0..USERS)
        .zip(servers.iter().cycle())
        .map(|(number, server)| {
            let user = User {
                number,
                pool: &pool,
                endpoint: server.endpoint(),
                progress: &progress,
            };
            async move { user.work().await }
        });
    let leaks = join_all(users).await.into_iter().sum::<Result<u64>>()?;
    progress.finish_and_clear();
    pool.close(Duration::from_secs(10)).await;
    Ok(Tally {
        calls: USERS * CALLS_EACH,
        users: USERS,
        leaks,
        stats: pool.stats(),
    })
}

impl User<'_> {
    /// Makes the user's calls.
    ///
    /// Returns the number of calls that saw another user's state.
    async fn work(&self) -> Result<u64> {
        let mut leaks = 0;
        let mut client = self.client(0).await?;
        for call in 1..=CALLS_EACH {
            if call % CALLS_A_TOKEN == 0 {
                client = self.client(call / CALLS_A_TOKEN).await?;
            }
            leaks += u64::from(increment(&client).await? != call);
            self.progress.inc(1);
        }
        Ok(leaks)
    }

    /// A client with another token.
    async fn client(&self, rotation: u64) -> Result<PooledClient> {
        let mut headers = HeaderMap::new();
        let token = format!("Bearer user-{}.{rotation}", self.number);
        headers.insert(AUTHORIZATION, token.parse()?);
        let request = AcquireRequest::new(self.endpoint.clone(), Principal::anonymous());
        Ok(self.pool.client(request.with_headers(headers)).await?)
    }
}

#[async_trait::async_trait]
impl IdentityExtractor for UserOfToken {
    async fn extract(
        &self,
        headers: &HeaderMap,
    ) -> std::result::Result<Option<Identity>, ExtractError> {
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|token| token.to_str().ok());
        let user = token.and_then(|token| token.split('.').next());
        Ok(user.map(|user| Identity::from_parts("demo", [user])))
    }
}

/// Adds one to the counter of the user's session and returns it.
async fn increment(client: &PooledClient) -> Result<u64> {
    let result = client
        .call_tool(CallToolRequestParams::new("increment"))
        .await?;
    count(&result)
}

/// The number in an answer.
pub(super) fn count(result: &CallToolResult) -> Result<u64> {
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.ok_or("an answer without text")?.text.parse()?)
}

const USERS: u64 = 50;
const CALLS_EACH: u64 = 100;
const CALLS_A_TOKEN: u64 = 10;
