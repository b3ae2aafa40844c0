//! The scenes of a run.

mod clocks;
mod deploys;
mod kills;
mod latency;
mod ledger;
mod outages;
mod records;
mod revocations;
mod round_robin;
mod stage;
mod stopped_holder;

use std::time::Duration;

use mcp_pool_testkit::server::Modes;

use self::stage::Stage;
use super::report::Row;
use crate::{Result, soak::Random};

/// Plays all scenes over one kind of upstream.
pub(super) async fn play(
    upstream: &'static str,
    modes: Modes,
    seconds: u64,
    seed: u64,
) -> Result<Row> {
    let mut stage = Stage::set(modes).await?;
    let mut row = Row {
        upstream,
        seed,
        ..Row::default()
    };
    let length = Duration::from_secs(seconds);
    round_robin::play(&stage, &mut row).await;
    named("deploys", deploys::play(&mut stage, &mut row).await)?;
    named(
        "kills",
        kills::play(&mut stage, &mut row, length, Random::of(seed, 0)).await,
    )?;
    named(
        "stopped holder",
        stopped_holder::play(&stage, &mut row).await,
    )?;
    named("clocks", clocks::play(&stage, &mut row).await)?;
    named("records", records::play(&stage, &mut row).await)?;
    named("revocations", revocations::play(&stage, &mut row).await)?;
    named("latency", latency::play(&stage, &mut row).await)?;
    named("outages", outages::play(&mut stage, &mut row, length).await)?;
    ledger::check(&stage.server, &mut row);
    row.crossed_answers = stage.crossed();
    stage.end().await?;
    Ok(row)
}

/// Adds the name of a scene to its error.
fn named(scene: &str, played: Result) -> Result {
    played.map_err(|error| format!("{scene}: {error}").into())
}
