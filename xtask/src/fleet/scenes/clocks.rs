//! Replicas whose wall clocks are wrong.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::sleep;

use super::stage::{Caller, Stage};
use crate::{
    Result,
    fleet::{
        processes::{Called, FalseClock, Job, Replica},
        report::{LEASE_MS, Row},
    },
};

/// Has two replicas whose clocks are ten minutes ahead and behind share sessions with a third, and take
/// over from each other. Counts what differs from right clocks.
pub(super) async fn play(stage: &Stage, row: &mut Row) -> Result {
    let ahead = stage.start_with(&FalseClock::wrong_by(600)?)?;
    let behind = stage.start_with(&FalseClock::wrong_by(-600)?)?;
    expect_offset(&ahead, 600).await?;
    expect_offset(&behind, -600).await?;
    let right = Arc::clone(&stage.replicas[0]);
    let talk = Caller::talk("clocks");
    let mut wrong = 0;
    for expected in 1..=90 {
        let replica = [&ahead, &behind, &right][expected as usize % 3];
        wrong += u64::from(stage.count(replica, &talk).await != Ok(expected));
    }
    let user = Caller::own("clocks");
    wrong += u64::from(stage.count(&ahead, &user).await != Ok(1));
    // While its holder lives, another replica opens its own.
    sleep(LEASE / 2).await;
    wrong += u64::from(stage.count(&right, &user).await != Ok(1));
    // A session that is handed over and one of a crashed holder go on.
    ahead.stop().await?;
    wrong += u64::from(stage.count(&behind, &user).await != Ok(2));
    behind.kill().await?;
    sleep(LEASE * 2).await;
    let heir = stage.start()?;
    wrong += u64::from(stage.count(&heir, &user).await != Ok(3));
    heir.stop().await?;
    row.clock_faults = wrong;
    Ok(())
}

/// Checks that the clock of a replica is wrong by this much.
async fn expect_offset(replica: &Replica, seconds: i64) -> Result {
    let Called::Answered(text, _) = replica.run(Job::Clock).await else {
        return Err("a replica does not know its time".into());
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let offset = text.parse::<i64>()? - i64::try_from(now.as_secs())?;
    match (offset - seconds).abs() < 60 {
        true => Ok(()),
        false => Err(format!("libfaketime moved the clock by {offset} s").into()),
    }
}

const LEASE: Duration = Duration::from_millis(LEASE_MS);
