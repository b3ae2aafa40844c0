//! How late timers are beside the work.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Result;

/// Work beside a timer of one millisecond. Returns its output, and how late the timer was, in microseconds.
pub(super) async fn with_ticker<T>(work: impl Future<Output = Result<T>>) -> Result<(T, Vec<u64>)> {
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let ticker = tokio::spawn(async move {
        let mut late = Vec::new();
        loop {
            let began = Instant::now();
            tokio::select! {
                () = sleep(TICK) => late.push(micros(began.elapsed().saturating_sub(TICK))),
                _ = &mut stopped => return late,
            }
        }
    });
    let output = work.await?;
    drop(stop);
    Ok((output, ticker.await?))
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

const TICK: Duration = Duration::from_millis(1);
