//! The limits of processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// The limit of processes over all commands.
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    limit: usize,
    permits: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
}

/// The permits of one process, given back once it is reaped.
#[derive(Debug)]
pub(crate) struct ProcessPermit {
    running: Arc<AtomicUsize>,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Processes {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            permits: permits(limit),
            running: Arc::default(),
        }
    }

    /// The processes that run, those included that are ending.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// A permit for a process of a command with these own permits.
    ///
    /// Waits for a moment, and not beyond half of the time until `deadline`: a process that is
    /// ending keeps its permit until it is gone.
    ///
    /// # Errors
    /// The limit that is reached.
    pub(crate) async fn acquire(
        &self,
        of_command: &Arc<Semaphore>,
        max_of_command: usize,
        deadline: Instant,
    ) -> Result<ProcessPermit, usize> {
        let now = Instant::now();
        let deadline = now + PATIENCE.min(deadline.saturating_duration_since(now) / 2);
        let own = acquire(of_command, deadline).await.ok_or(max_of_command)?;
        let all = acquire(&self.permits, deadline).await.ok_or(self.limit)?;
        self.running.fetch_add(1, Ordering::Relaxed);
        Ok(ProcessPermit {
            running: Arc::clone(&self.running),
            _permits: [own, all],
        })
    }
}

impl Drop for ProcessPermit {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Permits for this many processes.
pub(crate) fn permits(processes: usize) -> Arc<Semaphore> {
    // More is no limit, and more than a semaphore has.
    Arc::new(Semaphore::new(processes.min(Semaphore::MAX_PERMITS)))
}

async fn acquire(permits: &Arc<Semaphore>, deadline: Instant) -> Option<OwnedSemaphorePermit> {
    let permit = timeout_at(deadline, Arc::clone(permits).acquire_owned()).await;
    // The semaphores are never closed.
    permit.ok()?.ok()
}

/// Longer than the default time limit of a close.
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_limit_that_is_reached_is_named_and_a_permit_that_comes_back_is_taken() {
        let all = Processes::new(2);
        let own = Arc::new(Semaphore::new(1));
        let other = Arc::new(Semaphore::new(9));
        let deadline = Instant::now() + Duration::from_secs(60);
        let first = all.acquire(&own, 1, deadline).await.expect("a permit");
        assert_eq!(all.acquire(&own, 1, deadline).await.err(), Some(1));
        let _second = all.acquire(&other, 9, deadline).await.expect("a permit");
        assert_eq!(all.acquire(&other, 9, deadline).await.err(), Some(2));
        assert_eq!(all.running(), 2);
        let waiting = all.acquire(&own, 1, deadline);
        let give_back = async { drop(first) };
        let (third, ()) = tokio::join!(waiting, give_back);
        assert!(third.is_ok());
        assert_eq!(all.running(), 2);
    }
}
