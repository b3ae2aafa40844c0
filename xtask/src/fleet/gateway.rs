//! A replica of a small gateway: commands on the standard input, answers on the standard output.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use mcp_session_pool::{
    AcquireRequest, Endpoint, Fleet, FleetSecret, PooledClient, Principal, RedisDirectory, Scope,
    SessionPool, StreamableHttpConnector, rmcp::model::CallToolRequestParams,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout},
    sync::mpsc,
    task::JoinSet,
};

use crate::Result;

/// What a replica needs to know.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The URL of Redis.
    #[arg(long)]
    pub(super) redis: String,
    /// The lease, in milliseconds.
    #[arg(long)]
    pub(super) lease: u64,
}

/// One call for a caller of the gateway.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Command {
    pub(super) number: u64,
    pub(super) upstream: String,
    pub(super) user: String,
    /// The conversation, if the call is one of a conversation.
    pub(super) talk: Option<String>,
    pub(super) tool: String,
    /// An id that the upstream records.
    pub(super) id: String,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) number: u64,
    pub(super) text: Option<String>,
    pub(super) error: Option<String>,
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
    let secret = FleetSecret::new([1; 32], 1, [2; 32]);
    let fleet = Fleet::new(RedisDirectory::new(&options.redis)?, secret)
        .with_lease(Duration::from_millis(options.lease))
        // The machine of a test has fewer processors than processes.
        .with_budget(Duration::from_millis(250));
    let pool = SessionPool::builder()
        .connector(StreamableHttpConnector::new()?)
        .fleet(fleet)
        .build()?;
    let (sender, replies) = mpsc::unbounded_channel();
    let writer = tokio::spawn(write(replies));
    let mut lines = BufReader::new(stdin()).lines();
    let mut calls = JoinSet::new();
    while let Some(line) = lines.next_line().await? {
        let command: Command = serde_json::from_str(&line)?;
        let (pool, sender) = (pool.clone(), sender.clone());
        calls.spawn(async move {
            let number = command.number;
            let (text, error) = match call(&pool, command).await {
                Ok(text) => (Some(text), None),
                Err(error) => (None, Some(error)),
            };
            let reply = Reply {
                number,
                text,
                error,
            };
            let _ = sender.send(reply);
        });
    }
    while calls.join_next().await.is_some() {}
    drop(sender);
    writer.await?;
    pool.close(Duration::from_secs(10)).await;
    Ok(())
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

async fn call(pool: &SessionPool, command: Command) -> std::result::Result<String, String> {
    let client = client(pool, &command).await.map_err(|it| it.to_string())?;
    let arguments = serde_json::json!({ "id": command.id });
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let params = CallToolRequestParams::new(command.tool).with_arguments(arguments);
    let result = client.call_tool(params).await;
    let result = result.map_err(|error| format!("{}: {error}", error.label()))?;
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.map(|text| text.text.clone()).unwrap_or_default())
}

async fn client(pool: &SessionPool, command: &Command) -> Result<PooledClient> {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", command.user).parse()?);
    let endpoint = Endpoint::streamable_http(&command.upstream)?
        .with_lifecycle(mcp_session_pool::config::Lifecycle::Legacy);
    let user: Arc<str> = command.user.as_str().into();
    let mut request = AcquireRequest::new(endpoint, Principal::user(user)).with_headers(headers);
    if let Some(talk) = &command.talk {
        request = request.with_scope(Scope::conversation(talk.as_str()));
    }
    Ok(pool.client(request).await?)
}
