//! Redis that is stopped, killed, flushed and replaced by an empty one.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::stage::{Caller, Stage, millis};
use crate::{
    Result,
    fleet::report::{LEASE_MS, Row},
};

/// Breaks Redis in each way, under a conversation that one replica holds and one that it does not. It is
/// stopped for half of `length`.
pub(super) async fn play(stage: &mut Stage, row: &mut Row, length: Duration) -> Result {
    for outage in [Outage::Stopped, Outage::Killed, Outage::Flushed] {
        let held = Caller::talk(format!("held-{outage:?}"));
        let elsewhere = Caller::talk(format!("elsewhere-{outage:?}"));
        stage.count(&stage.replicas[0], &held).await?;
        stage.count(&stage.replicas[2], &elsewhere).await?;
        outage.begin(stage)?;
        let began = Instant::now();
        while began.elapsed() < outage.lasts_for(length) {
            let hit = stage.count(&stage.replicas[0], &held).await;
            row.store_failed_hits += u64::from(hit.is_err());
            let miss = stage.count(&stage.replicas[1], &elsewhere).await;
            row.store_untyped_errors += u64::from(!miss.is_err_and(|it| is_typed(&it)));
            sleep(Duration::from_millis(20)).await;
        }
        outage.end(stage).await?;
        let healed = heal(stage, &elsewhere).await;
        row.store_heal_ms = row.store_heal_ms.max(millis(healed));
        sleep(LEASE).await;
        if outage != Outage::Stopped {
            // The loss of the state is an error, once.
            let _ = stage.count(&stage.replicas[0], &held).await;
        }
        for replica in &stage.replicas[..2] {
            for _ in 0..10 {
                let hit = stage.count(replica, &held).await;
                row.store_failed_hits += u64::from(hit.is_err());
            }
        }
    }
    Ok(())
}

/// How long it takes until a conversation that was not held is served.
async fn heal(stage: &Stage, talk: &Caller) -> Duration {
    let began = Instant::now();
    while began.elapsed() < LEASE * 3 && stage.count(&stage.replicas[1], talk).await.is_err() {
        sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

/// True for the error of a conversation whose directory does not answer.
fn is_typed(error: &str) -> bool {
    error.starts_with("unreachable:")
}

/// What happens to Redis.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outage {
    Stopped,
    Killed,
    Flushed,
}

impl Outage {
    fn begin(self, stage: &mut Stage) -> Result {
        match self {
            Self::Stopped => stage.redis.signal("STOP"),
            Self::Killed => stage.redis.kill(),
            Self::Flushed => stage.redis.run(&["FLUSHALL"]).map(drop),
        }
    }

    /// How long Redis does not answer.
    fn lasts_for(self, length: Duration) -> Duration {
        match self {
            Self::Stopped => (length / 2).max(LEASE * 2),
            Self::Killed => LEASE * 2,
            Self::Flushed => Duration::ZERO,
        }
    }

    async fn end(self, stage: &mut Stage) -> Result {
        match self {
            Self::Stopped => stage.redis.signal("CONT"),
            Self::Killed => stage.redis.start_again().await,
            Self::Flushed => Ok(()),
        }
    }
}

const LEASE: Duration = Duration::from_millis(LEASE_MS);
