//! A holder that is stopped for longer than its lease.

use std::time::Duration;

use tokio::time::sleep;

use super::stage::{Caller, Stage};
use crate::{
    Result,
    fleet::report::{LEASE_MS, Row},
};

/// Stops the holder of an exclusive session for three leases, while another replica claims it, and
/// counts the calls that the holder sends on that session afterwards.
pub(super) async fn play(stage: &Stage, row: &mut Row) -> Result {
    let (holder, heir) = (&stage.replicas[0], &stage.replicas[1]);
    let caller = Caller::own("stopped");
    let first = stage.count(holder, &caller).await?;
    // Its record follows the call.
    sleep(LEASE / 3).await;
    holder.signal("STOP")?;
    sleep(LEASE * 3).await;
    let claimed = stage.count(heir, &caller).await?;
    if claimed != first + 1 {
        return Err(format!("not claimed: {claimed} after {first}").into());
    }
    holder.signal("CONT")?;
    for _ in 0..5 {
        stage.count(holder, &caller).await?;
    }
    row.stopped_sent_late = stage.count(heir, &caller).await? - claimed - 1;
    Ok(())
}

const LEASE: Duration = Duration::from_millis(LEASE_MS);
