//! Calls of one side alone, for a tool that counts their instructions.

use std::time::Duration;

use clap::ValueEnum;
use mcp_session_pool::StreamableHttpConnector;
use tokio::runtime::Builder;

use super::{
    form::Form,
    sides::{call_held, call_pooled, client, hold, http, pool},
};
use crate::Result;

/// The calls to make.
#[derive(clap::Args)]
pub(crate) struct CallOptions {
    /// The endpoint, which answers with JSON.
    #[arg(long)]
    url: String,
    #[arg(long)]
    side: Side,
    #[arg(long)]
    calls: u32,
}

/// A side of the comparison.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Side {
    Pooled,
    Held,
}

/// Makes the calls, one after the other, on one thread.
pub(crate) fn call(options: &CallOptions) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(calls(options))
}

async fn calls(options: &CallOptions) -> Result {
    let url = &options.url;
    match options.side {
        Side::Pooled => {
            let connector = StreamableHttpConnector::from_builder(http(IDLE_TIME))?;
            let pool = pool(connector)?;
            let client = client(&pool, &Form::Json.endpoint(url)?, 0).await?;
            for _ in 0..options.calls {
                call_pooled(&client).await;
            }
        }
        Side::Held => {
            let http = http(IDLE_TIME).build()?;
            let held = hold(&http, url.clone(), Form::Json, 0).await?;
            for _ in 0..options.calls {
                call_held(&held).await;
            }
        }
    }
    Ok(())
}

const IDLE_TIME: Duration = Duration::from_secs(90);
