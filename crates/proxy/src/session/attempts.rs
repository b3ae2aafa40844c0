//! Attempts at an upstream that may be away for a while.

use std::time::Duration;

use mcp_pool_core::error::{CallError, Retry};
use tokio::time::sleep;

/// What an attempt has reached.
#[derive(Debug)]
pub(crate) struct Reached<T> {
    pub(crate) value: T,
    /// Earlier attempts failed, so that what happened meanwhile was missed.
    pub(crate) was_late: bool,
}

/// Repeats an attempt after pauses that grow, for as long as the upstream may come back. The first
/// failure goes to `report`.
///
/// # Errors
/// A failure that no later attempt mends.
pub(crate) async fn until_there<T, F>(
    report: impl Fn(&CallError),
    mut attempt: impl FnMut() -> F,
) -> Result<Reached<T>, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let mut pauses = Pauses::default();
    let mut was_late = false;
    loop {
        match attempt().await {
            Err(error) if may_pass(&error) => {
                if !was_late {
                    report(&error);
                }
                was_late = true;
            }
            result => return result.map(|value| Reached { value, was_late }),
        }
        pauses.wait(Duration::ZERO).await;
    }
}

/// True for a failure that a later attempt may not have.
pub(crate) fn may_pass(error: &CallError) -> bool {
    !matches!(error.retry(), Retry::Never | Retry::WithOtherCredentials)
}

/// Pauses between attempts, each up to twice as long as the one before, up to 30 s.
#[derive(Default)]
pub(crate) struct Pauses(Option<Duration>);

impl Pauses {
    /// Pauses after something that has `lasted` so long. It starts again with a short pause after what
    /// has lasted longer than the longest one. Each pause is random from its half on, so that the many
    /// subscriptions of a gateway do not all come back to an upstream at the same moment.
    pub(crate) async fn wait(&mut self, lasted: Duration) {
        let before = self.0.filter(|_| lasted <= LONGEST);
        let pause = before.map_or(FIRST, |before| (before * 2).min(LONGEST));
        self.0 = Some(pause);
        sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
    }
}

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Arc};

    use mcp_pool_core::error::AcquireError;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_comes_back_is_reached_and_reported_once() {
        let (attempts, reports) = (Cell::new(0), Cell::new(0));
        let attempt = || async {
            attempts.set(attempts.get() + 1);
            match attempts.get() {
                0..4 => Err(CallError::Acquire(Arc::new(AcquireError::SessionLost))),
                reached => Ok(reached),
            }
        };
        let report = |_: &CallError| reports.set(reports.get() + 1);
        let reached = until_there(report, attempt).await.expect("reached");
        assert_eq!((reached.value, reached.was_late), (4, true));
        assert_eq!(reports.get(), 1);
        let at_once = until_there(report, || async { Ok(()) }).await;
        assert!(!at_once.expect("reached").was_late);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_later_attempt_mends_is_attempted_once() {
        let attempts = Cell::new(0);
        let attempt = || async {
            attempts.set(attempts.get() + 1);
            Err::<(), _>(CallError::Acquire(Arc::new(AcquireError::Closed)))
        };
        let unreported = |_: &CallError| panic!("it is the result");
        until_there(unreported, attempt).await.expect_err("closed");
        assert_eq!(attempts.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_the_longest_and_start_again_after_what_has_lasted() {
        let mut pauses = Pauses::default();
        let longest = [
            250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 250,
        ];
        for (n, longest) in longest.into_iter().enumerate() {
            let lasted = if n == 9 { 31 } else { 0 };
            let began = Instant::now();
            pauses.wait(Duration::from_secs(lasted)).await;
            let seen = began.elapsed().as_millis();
            // The clock of a test goes by whole milliseconds.
            assert!((longest / 2..=longest + 1).contains(&seen), "{n}: {seen}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_lose_an_upstream_at_once_come_back_one_after_the_other() {
        let began = Instant::now();
        let mut returns = std::collections::BTreeSet::new();
        let pauses = (0..100).map(|_| async {
            Pauses::default().wait(Duration::ZERO).await;
            began.elapsed().as_millis()
        });
        returns.extend(futures::future::join_all(pauses).await);
        assert!(returns.len() > 20, "{returns:?}");
    }
}
