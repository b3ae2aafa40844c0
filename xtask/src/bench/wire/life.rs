//! The CPU time of opening and of closing a session.

use std::time::Duration;

use mcp_session_pool::StreamableHttpConnector;
use tokio::{
    runtime::Runtime,
    time::{Instant, sleep},
};

use super::{
    figures::WireFigures,
    form::Form,
    server::Server,
    sides::{ClientCpu, client, hold, open, pool},
};
use crate::Result;

/// The CPU time for a number of sessions, in microseconds.
#[derive(Clone, Copy, Default)]
struct Life {
    open: f64,
    close: f64,
}

/// Opens and closes sessions of as many users on both sides, each twice.
///
/// rmcp's client requests a stream of its own for every session, which the server refuses; its
/// opening includes that.
pub(super) fn life(
    server: &Server,
    runtime: &Runtime,
    connector: &StreamableHttpConnector,
    http: &reqwest::Client,
    sessions: usize,
    figures: &mut WireFigures,
) -> Result {
    let mut sides = [Life::default(); 2];
    for side in [0, 1, 1, 0] {
        let life = match side {
            0 => runtime.block_on(pooled(server, connector, sessions))?,
            _ => runtime.block_on(held(server, http, sessions))?,
        };
        sides[side].open += life.open / (2 * sessions) as f64;
        sides[side].close += life.close / (2 * sessions) as f64;
    }
    figures.open_cpu_us = sides[0].open;
    figures.open_cpu_held_us = sides[1].open;
    figures.close_cpu_us = sides[0].close;
    figures.close_cpu_held_us = sides[1].close;
    Ok(())
}

async fn pooled(
    server: &Server,
    connector: &StreamableHttpConnector,
    sessions: usize,
) -> Result<Life> {
    let endpoint = Form::Json.endpoint(&server.url(Form::Json))?;
    let pool = pool(connector.clone())?;
    let began = ClientCpu::begin(server);
    for user in 0..sessions {
        open(&client(&pool, &endpoint, user).await?).await?;
    }
    let open = began.us();
    let (before, began) = (server.deleted(), ClientCpu::begin(server));
    pool.close(PATIENCE).await;
    reached(|| server.deleted(), before, sessions).await;
    let close = began.us();
    Ok(Life { open, close })
}

async fn held(server: &Server, http: &reqwest::Client, sessions: usize) -> Result<Life> {
    let url = server.url(Form::Json);
    let (before, began) = (server.streams(), ClientCpu::begin(server));
    let mut all = Vec::new();
    for user in 0..sessions {
        all.push(hold(http, url.clone(), Form::Json, user).await?);
    }
    reached(|| server.streams(), before, sessions).await;
    let open = began.us();
    let (before, began) = (server.deleted(), ClientCpu::begin(server));
    // As many at the same time as the pool closes.
    futures::future::join_all(all.into_iter().map(|held| held.cancel())).await;
    reached(|| server.deleted(), before, sessions).await;
    let close = began.us();
    Ok(Life { open, close })
}

/// Waits until a count of the server has grown by the number of sessions.
async fn reached(count: impl Fn() -> u64, before: u64, sessions: usize) {
    let deadline = Instant::now() + PATIENCE;
    while count() < before + sessions as u64 && Instant::now() < deadline {
        sleep(Duration::from_millis(1)).await;
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
