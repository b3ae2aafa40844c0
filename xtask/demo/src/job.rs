//! The job: many users, rotating tokens, stateful counters.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use http::{HeaderMap, header::AUTHORIZATION};
use mcp_pool_core::{
    AcquireRequest, Endpoint, PoolBuilder, PoolConfig, PooledClient, Principal, SessionPool,
    config::Lifecycle,
    error::ExtractError,
    extend::{Identity, IdentityExtractor},
    rmcp::model::{CallToolRequestParams, CallToolResult},
    stats::PoolStats,
};
use mcp_pool_testkit::{FaultServer, Wire};
use mcp_pool_transport_streamable_http::StreamableHttpConnector;
use tokio::time::Instant;

use crate::{Result, figures::Figures, view::View};

/// The outcome of the job.
pub(crate) struct Tally {
    pub(crate) calls: u64,
    pub(crate) users: u64,
    /// Calls that saw another user's state.
    pub(crate) leaks: u64,
    pub(crate) stats: PoolStats,
}

/// One of the users.
pub(crate) struct User {
    number: u64,
    pool: SessionPool,
    endpoint: Endpoint,
    figures: Arc<Figures>,
}

/// `Bearer user-7.3` is the third token of user 7.
///
/// A gateway verifies its tokens; these only have to differ.
struct UserOfToken;

/// A server with a counter for each session. It is the one that the tests break, here without a fault.
pub(crate) fn server() -> FaultServer {
    FaultServer::start(Wire::Json, Lifecycle::Legacy)
}

/// A pool that knows the users by their tokens.
pub(crate) fn builder() -> Result<PoolBuilder> {
    let config = PoolConfig::default()
        .with_name("demo")
        // With one session, the counter of a user is the number of the user's calls.
        .with_max_sessions_per_key(1);
    Ok(SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new()?)
        .extractor(UserOfToken))
}

/// Runs the calls of all users at the same time.
pub(crate) async fn run(servers: &[FaultServer], view: &View) -> Result<Tally> {
    let pool = builder()?.build()?;
    let figures = Arc::new(Figures::default());
    let users = (0..USERS)
        .zip(servers.iter().cycle())
        .map(|(number, server)| {
            User::new(
                number,
                pool.clone(),
                server.endpoint(),
                Arc::clone(&figures),
            )
            .work()
        });
    let calls = USERS * CALLS_EACH;
    view.say(&format!(
        "{USERS} users with rotating tokens make {calls} calls through one pool"
    ));
    let work = view.during(&figures, &pool, Some(calls), join_all(users));
    work.await.into_iter().collect::<Result<()>>()?;
    view.say("the pool closes its sessions");
    pool.close(Duration::from_secs(10)).await;
    Ok(Tally {
        calls,
        users: USERS,
        leaks: figures.reading().leaks,
        stats: pool.stats(),
    })
}

impl User {
    pub(crate) fn new(
        number: u64,
        pool: SessionPool,
        endpoint: Endpoint,
        figures: Arc<Figures>,
    ) -> Self {
        Self {
            number,
            pool,
            endpoint,
            figures,
        }
    }

    /// Makes the user's calls, each of which has to count one more than the one before.
    async fn work(self) -> Result {
        let mut client = self.client(0).await?;
        for call in 1..=CALLS_EACH {
            if call % CALLS_A_TOKEN == 0 {
                client = self.client(call / CALLS_A_TOKEN).await?;
            }
            let began = Instant::now();
            let counted = increment(&client).await?;
            self.figures.add(began.elapsed(), counted != call);
        }
        Ok(())
    }

    /// Calls until the process ends, with a token that changes now and then. Calls of a server that is
    /// down fail.
    #[cfg(feature = "page")]
    pub(crate) async fn go_on(self) {
        for rotation in 0.. {
            let Ok(client) = self.client(rotation).await else {
                return;
            };
            for _ in 0..CALLS_A_TOKEN {
                let began = Instant::now();
                if increment(&client).await.is_ok() {
                    self.figures.add(began.elapsed(), false);
                }
                tokio::time::sleep(Duration::from_millis(20 + self.number)).await;
            }
        }
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
fn count(result: &CallToolResult) -> Result<u64> {
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.ok_or("an answer without text")?.text.parse()?)
}

pub(crate) const USERS: u64 = 50;
const CALLS_EACH: u64 = 100;
const CALLS_A_TOKEN: u64 = 10;
