//! The heap of idle sessions, counted by the allocator.

use std::time::Duration;

use mcp_pool_core::PooledClient;
use mcp_session_pool::StreamableHttpConnector;
use tokio::{runtime::Builder, time::sleep};

use super::{
    form::Form,
    server::Server,
    sides::{client, http, open, pool},
};
use crate::Result;

/// The bytes of a key without a session, and those that an idle session adds to it.
pub(in super::super) struct IdleBytes {
    pub(in super::super) key: f64,
    pub(in super::super) session: f64,
}

/// Opens sessions of as many users, on this thread alone: the allocator counts by thread.
///
/// One session is open before, so that what the sessions of an endpoint share is not counted.
pub(in super::super) fn idle_bytes(sessions: usize) -> Result<IdleBytes> {
    let server = Server::start()?;
    let endpoint = Form::Json.endpoint(&server.url(Form::Json))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let pool = pool(StreamableHttpConnector::from_builder(http(IDLE_TIME))?)?;
    drop(entered);
    let mut clients = Vec::with_capacity(sessions);
    runtime.block_on(async {
        open(&client(&pool, &endpoint, sessions).await?).await?;
        sleep(SETTLED).await;
        Result::Ok(())
    })?;
    let key = bytes(|| {
        runtime.block_on(async {
            for user in 0..sessions {
                clients.push(client(&pool, &endpoint, user).await?);
            }
            Ok(())
        })
    })?;
    let session = bytes(|| runtime.block_on(open_all(&clients)))?;
    Ok(IdleBytes {
        key: key / sessions as f64,
        session: session / sessions as f64,
    })
}

async fn open_all(clients: &[PooledClient]) -> Result {
    for client in clients {
        open(client).await?;
    }
    // The buffers of connections are no part of a session.
    sleep(SETTLED).await;
    Ok(())
}

/// The bytes that `work` allocates and keeps.
fn bytes(work: impl FnOnce() -> Result) -> Result<f64> {
    let mut result = Ok(());
    let counted = allocation_counter::measure(|| result = work());
    result.map(|()| counted.bytes_current as f64)
}

const IDLE_TIME: Duration = Duration::from_millis(200);
/// More than the idle time of connections.
const SETTLED: Duration = Duration::from_secs(1);
