//! How late a bare timer is, on the runtime under test.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

/// A timer that ticks beside the work, and how late it was. Stops when dropped.
#[derive(Debug)]
pub(crate) struct Lateness {
    late: Arc<Mutex<VecDeque<Late>>>,
    ticker: AbortHandle,
}

/// One tick.
#[derive(Clone, Copy, Debug)]
struct Late {
    at: Instant,
    by: Duration,
}

impl Lateness {
    /// Starts the timer.
    pub(crate) fn start() -> Self {
        let late = Arc::<Mutex<VecDeque<Late>>>::default();
        let noted = Arc::clone(&late);
        let ticker = tokio::spawn(async move {
            loop {
                let due = Instant::now() + TICK;
                sleep(TICK).await;
                let at = Instant::now();
                let by = at.saturating_duration_since(due);
                let mut late = noted.lock().unwrap_or_else(PoisonError::into_inner);
                late.push_back(Late { at, by });
                if late.len() > KEPT {
                    late.pop_front();
                }
            }
        });
        Self {
            late,
            ticker: ticker.abort_handle(),
        }
    }

    /// How late work is whose deadline was `due` and which ended at `ended`, beyond a bare timer.
    pub(crate) fn beyond(&self, due: Instant, ended: Instant) -> Duration {
        let over = ended.saturating_duration_since(due);
        match over.is_zero() {
            true => Duration::ZERO,
            false => over.saturating_sub(self.worst_between(due, ended)),
        }
    }

    /// The worst tick that was due or came between two points in time.
    fn worst_between(&self, from: Instant, to: Instant) -> Duration {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = late.partition_point(|late| late.at < from);
        let within = late.range(begin..).take_while(|it| it.at - it.by <= to);
        within.map(|late| late.by).max().unwrap_or_default()
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.ticker.abort();
    }
}

const TICK: Duration = Duration::from_millis(2);
/// Ten seconds of ticks: longer than any deadline, and full before a soak is warm.
const KEPT: usize = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_in_time_or_as_late_as_the_timer_is_not_late() {
        let lateness = Lateness::start();
        let due = Instant::now() + Duration::from_millis(10);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(lateness.beyond(due, due), Duration::ZERO);
        let late = Duration::from_millis(20);
        tokio::time::advance(late).await;
        sleep(TICK).await;
        assert!(lateness.beyond(due, due + late) <= TICK);
        let alone = Instant::now();
        sleep(Duration::from_millis(40)).await;
        assert_eq!(lateness.beyond(alone, alone + late), late);
    }
}
