//! Replicas that are killed.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::{Instant, sleep};

use super::stage::{Caller, Recorded, Stage, millis};
use crate::{
    Result,
    fleet::report::{LEASE_MS, Row},
    soak::Random,
};

/// Kills a replica that the seed selects every two seconds under load.
pub(super) async fn play(
    stage: &mut Stage,
    row: &mut Row,
    length: Duration,
    mut random: Random,
) -> Result {
    let began = Instant::now();
    let open_before = stage.server.open_sessions().len();
    let mut number = 0;
    while began.elapsed() < length {
        let victim = random.index(stage.replicas.len());
        let recovery = kill(stage, number, victim).await?;
        row.killed_recovery_ms = row.killed_recovery_ms.max(millis(recovery));
        number += 1;
    }
    row.kills = number as u64;
    let executions = stage.server.switches().executions();
    row.killed_doubled = executions.values().filter(|times| **times > 1).count() as u64;
    let opened = stage.server.open_sessions().len() - open_before;
    // A conversation has one session, a user one at each replica; a kill may leave one of each kind.
    let explained = TALKS + 3 * USERS + 2 * number;
    row.killed_sessions_beyond = opened.saturating_sub(explained) as u64;
    Ok(())
}

/// Kills one replica in the middle of calls. Returns how long its conversation took to go on elsewhere.
async fn kill(stage: &mut Stage, number: usize, victim: usize) -> Result<Duration> {
    let heir = (victim + 1) % stage.replicas.len();
    let talk = Caller::talk(format!("killed-{}", number % TALKS));
    let user = Caller::own(format!("killed-{}", number % USERS));
    let calls = stream::iter(0..20).map(|call| {
        let caller = if call % 2 == 0 { &talk } else { &user };
        let (stage, id) = (&*stage, format!("killed-{number}-{call}"));
        async move { stage.record(&stage.replicas[call % 3], caller, &id).await }
    });
    let calls = calls.buffer_unordered(8).collect::<Vec<_>>();
    let (_, killed) = tokio::join!(calls, stage.replicas[victim].kill());
    killed?;
    let killed = Instant::now();
    let mut attempts = 0;
    for caller in [&talk, &user] {
        while killed.elapsed() < 2 * LEASE {
            let id = format!("recovery-{number}-{attempts}");
            attempts += 1;
            let recorded = stage.record(&stage.replicas[heir], caller, &id).await;
            if matches!(recorded, Recorded::Answered) {
                break;
            }
        }
    }
    let recovery = killed.elapsed();
    stage.replicas[victim] = stage.start()?;
    sleep(Duration::from_secs(2).saturating_sub(recovery)).await;
    Ok(recovery)
}

const LEASE: Duration = Duration::from_millis(LEASE_MS);
const TALKS: usize = 4;
const USERS: usize = 4;
