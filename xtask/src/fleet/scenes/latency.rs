//! What a store that is away costs.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::stage::{Caller, Stage};
use crate::{
    Result,
    fleet::{
        processes::{Called, GatewayOptions, Replica},
        report::Row,
    },
    statistics::{median, percentile},
};

/// Measures hits while Redis is stopped against hits while it answers, in turn, and misses while it is
/// stopped against those of a pool without a fleet.
pub(super) async fn play(stage: &Stage, row: &mut Row) -> Result {
    let talk = Caller::talk("latency");
    let replica = &stage.replicas[0];
    stage.count(replica, &talk).await?;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let answering = hits(stage, replica, &talk).await?;
        stage.redis.signal("STOP")?;
        let stopped = hits(stage, replica, &talk).await;
        stage.redis.signal("CONT")?;
        ratios.push(stopped? as f64 / answering.max(1) as f64);
        // The circuit of the directory closes again.
        sleep(Duration::from_millis(600)).await;
    }
    row.hit_p99_ratio = median(ratios);
    row.miss_extra_ms = misses(stage).await?;
    Ok(())
}

/// The 99th percentile of hits, in microseconds.
async fn hits(stage: &Stage, replica: &Replica, talk: &Caller) -> Result<u64> {
    let mut times = Vec::new();
    for _ in 0..HITS {
        times.push(call(stage, replica, talk).await?);
    }
    Ok(percentile(times, 99))
}

/// How much longer a miss takes while Redis is stopped, under the default budget.
async fn misses(stage: &Stage) -> Result<f64> {
    let in_fleet = GatewayOptions {
        budget: 5,
        ..stage.options()
    };
    let alone = GatewayOptions {
        redis: None,
        ..stage.options()
    };
    let replicas = [
        Replica::start(&alone, None)?,
        Replica::start(&in_fleet, None)?,
    ];
    for replica in &replicas {
        call(stage, replica, &Caller::own("warm")).await?;
    }
    stage.redis.signal("STOP")?;
    let measured = measure(stage, &replicas).await;
    stage.redis.signal("CONT")?;
    for replica in &replicas {
        replica.stop().await?;
    }
    let [alone, in_fleet] = measured?;
    Ok((in_fleet - alone) / 1_000.0)
}

/// The medians of misses of each replica. Each is later than the circuit of the directory is open, so
/// that each waits for its budget.
async fn measure(stage: &Stage, replicas: &[Arc<Replica>; 2]) -> Result<[f64; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..MISSES {
        for (place, replica) in replicas.iter().enumerate() {
            let caller = Caller::own(format!("miss-{place}-{number}"));
            times[place].push(call(stage, replica, &caller).await? as f64);
        }
        sleep(Duration::from_millis(600)).await;
    }
    Ok(times.map(median))
}

/// How long a call takes inside of its replica, in microseconds.
async fn call(stage: &Stage, replica: &Replica, caller: &Caller) -> Result<u64> {
    match replica.run(stage.job(caller, "count", "")).await {
        Called::Answered(_, took) => Ok(u64::try_from(took.as_micros())?),
        other => Err(format!("{other:?}").into()),
    }
}

const ROUNDS: usize = 15;
const HITS: usize = 1_000;
const MISSES: usize = 15;
