//! A replica of a small gateway: jobs on the standard input, replies on the standard output.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::HeaderMap;
use mcp_session_pool::{
    AcquireRequest, Endpoint, Fleet, FleetSecret, PooledClient, Principal, RedisDirectory, Scope,
    Selector, SessionPool, StreamableHttpConnector, extend::Reach,
    rmcp::model::CallToolRequestParams,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout},
    sync::mpsc,
    task::JoinSet,
    time::Instant,
};

use crate::Result;

/// What a replica needs to know.
#[derive(Clone, clap::Args)]
pub(crate) struct Options {
    /// The URL of Redis; without one the replica is none of a fleet.
    #[arg(long)]
    pub(in crate::fleet) redis: Option<String>,
    /// The lease, in milliseconds.
    #[arg(long)]
    pub(in crate::fleet) lease: u64,
    /// The budget of a step, in milliseconds.
    #[arg(long)]
    pub(in crate::fleet) budget: u64,
}

/// A job and its number.
#[derive(Serialize, Deserialize)]
pub(super) struct Command {
    pub(super) number: u64,
    pub(super) job: Job,
}

/// What a replica does for the run.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::fleet) enum Job {
    /// A call for a caller of the gateway. Its text is the answer.
    Call(Call),
    /// The seconds of the wall clock.
    Clock,
    /// A revocation of a user everywhere. Its text is how far it reached.
    Revoke(String),
}

/// One call for a caller of the gateway.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::fleet) struct Call {
    pub(in crate::fleet) upstream: String,
    pub(in crate::fleet) user: String,
    /// The conversation, if the call is one of a conversation.
    pub(in crate::fleet) talk: Option<String>,
    pub(in crate::fleet) tool: String,
    /// An id that the upstream records.
    pub(in crate::fleet) id: String,
}

/// What came of a job.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) number: u64,
    pub(super) text: Option<String>,
    pub(super) error: Option<String>,
    /// How long it took inside of the replica.
    pub(super) micros: u64,
}

/// Serves until the standard input ends, and closes the pool then: the deploy of a replica.
pub(crate) fn serve(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(serve_commands(options))
}

async fn serve_commands(options: &Options) -> Result {
    let pool = pool(options)?;
    let (sender, replies) = mpsc::unbounded_channel();
    let writer = tokio::spawn(write(replies));
    let mut lines = BufReader::new(stdin()).lines();
    let mut jobs = JoinSet::new();
    while let Some(line) = lines.next_line().await? {
        let Command { number, job } = serde_json::from_str(&line)?;
        let (pool, sender) = (pool.clone(), sender.clone());
        jobs.spawn(async move {
            let began = Instant::now();
            let done = run(&pool, job).await;
            let _ = sender.send(Reply {
                number,
                micros: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
                error: done.as_ref().err().cloned(),
                text: done.ok(),
            });
        });
    }
    while jobs.join_next().await.is_some() {}
    drop(sender);
    writer.await?;
    pool.close(Duration::from_secs(10)).await;
    Ok(())
}

fn pool(options: &Options) -> Result<SessionPool> {
    let builder = SessionPool::builder().connector(StreamableHttpConnector::new()?);
    let Some(redis) = &options.redis else {
        return Ok(builder.build()?);
    };
    let secret = FleetSecret::new([1; 32], 1, [2; 32]);
    let fleet = Fleet::new(RedisDirectory::new(redis)?, secret)
        .with_lease(Duration::from_millis(options.lease))
        .with_budget(Duration::from_millis(options.budget));
    Ok(builder.fleet(fleet).build()?)
}

async fn write(mut replies: mpsc::UnboundedReceiver<Reply>) {
    let mut output = stdout();
    while let Some(reply) = replies.recv().await {
        let Ok(mut line) = serde_json::to_vec(&reply) else {
            continue;
        };
        line.push(b'\n');
        if output.write_all(&line).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

async fn run(pool: &SessionPool, job: Job) -> std::result::Result<String, String> {
    match job {
        Job::Call(call) => make(pool, call).await,
        Job::Clock => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            Ok(now.unwrap_or_default().as_secs().to_string())
        }
        Job::Revoke(user) => {
            let principal = Principal::user(user);
            let selector = Selector::principal(&principal);
            match pool.revoke_everywhere(&selector).await.1 {
                Reach::Fleet { .. } => Ok("fleet".to_owned()),
                other => Err(format!("{other:?}")),
            }
        }
    }
}

async fn make(pool: &SessionPool, call: Call) -> std::result::Result<String, String> {
    let client = client(pool, &call).await.map_err(|it| it.to_string())?;
    let arguments = serde_json::json!({ "id": call.id });
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let params = CallToolRequestParams::new(call.tool).with_arguments(arguments);
    let result = client.call_tool(params).await;
    let result = result.map_err(|error| format!("{}: {error}", error.label()))?;
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.map(|text| text.text.clone()).unwrap_or_default())
}

async fn client(pool: &SessionPool, call: &Call) -> Result<PooledClient> {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", call.user).parse()?);
    let endpoint = Endpoint::streamable_http(&call.upstream)?
        .with_lifecycle(mcp_session_pool::config::Lifecycle::Legacy);
    let user: Arc<str> = call.user.as_str().into();
    let mut request = AcquireRequest::new(endpoint, Principal::user(user)).with_headers(headers);
    if let Some(talk) = &call.talk {
        request = request.with_scope(Scope::conversation(talk.as_str()));
    }
    Ok(pool.client(request).await?)
}
