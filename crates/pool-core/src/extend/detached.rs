//! Work on a task of its own, which outlives a dropped future.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use super::session::Session;
use crate::error::{ConnectError, FaultKind};

/// Runs a handshake on a task of its own and returns its session.
///
/// The task outlives a dropped future, so that a session which the server has already opened is
/// closed. It also keeps the caller's span out of the session: rmcp holds the span of the handshake
/// for the whole life of the session.
///
/// # Errors
/// [`ConnectError`] of the handshake.
/// [`ConnectError`] of kind `Other`: the runtime is shutting down.
///
/// # Cancel safety
/// Cancel safe: the handshake completes, and its session is closed within 5 seconds.
pub async fn open_detached(
    handshake: impl Future<Output = Result<Session, ConnectError>> + Send + 'static,
) -> Result<Session, ConnectError> {
    let opened = run_detached(handshake, close).await;
    opened.unwrap_or_else(|| Err(ConnectError::new(FaultKind::Other)))
}

async fn close(opened: Result<Session, ConnectError>) {
    if let Ok(session) = opened {
        session.driver().close(CLOSE_TIMEOUT).await;
    }
}

/// Runs `work` on a task of its own and returns its output. `None`: the runtime is shutting down.
///
/// Where the future is dropped before it returns the output, the task gives the output to `discard`.
///
/// # Cancel safety
/// Cancel safe: the output is returned or discarded, never lost.
pub async fn run_detached<T, D>(
    work: impl Future<Output = T> + Send + 'static,
    discard: impl FnOnce(T) -> D + Send + 'static,
) -> Option<T>
where
    T: Send + 'static,
    D: Future<Output = ()> + Send,
{
    let output = Output::default();
    let (done, ready) = oneshot::channel();
    let (taken, was_taken) = oneshot::channel();
    let own = output.clone();
    tokio::spawn(async move {
        *own.lock() = Some(work.await);
        // A caller that is gone has dropped `taken`, too.
        let _ = done.send(());
        let _: Result<(), _> = was_taken.await;
        let left = own.lock().take();
        if let Some(left) = left {
            discard(left).await;
        }
    });
    ready.await.ok()?;
    // From here on nothing can drop the caller: the output is taken before the task looks.
    let output = output.lock().take();
    let _ = taken.send(());
    output
}

/// An output that either the caller or the task takes.
struct Output<T>(Arc<Mutex<Option<T>>>);

impl<T> Output<T> {
    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Output<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

impl<T> Clone for Output<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The time limit for closing a session whose caller was dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_output_is_returned_or_discarded_and_never_lost() {
        let discarded = Arc::new(AtomicUsize::new(0));
        let mut returned = 0;
        for wait in 0..40 {
            let count = Arc::clone(&discarded);
            let work = sleep(Duration::from_millis(20));
            let run = run_detached(work, async move |()| {
                count.fetch_add(1, Ordering::SeqCst);
            });
            let run = timeout(Duration::from_millis(wait), run).await;
            returned += usize::from(run.is_ok_and(|output| output.is_some()));
            sleep(Duration::from_millis(50)).await;
        }
        assert!(returned > 0 && returned < 40, "{returned}");
        assert_eq!(returned + discarded.load(Ordering::SeqCst), 40);
    }

    #[tokio::test]
    async fn an_output_whose_future_is_dropped_once_it_is_ready_is_discarded() {
        let (sender, receiver) = oneshot::channel();
        let mut run = Box::pin(run_detached(async { 7 }, async move |output| {
            let _ = sender.send(output);
        }));
        assert!(futures::poll!(&mut run).is_pending());
        // The task completes while its caller is not polled.
        sleep(Duration::from_millis(20)).await;
        drop(run);
        assert_eq!(receiver.await, Ok(7));
    }
}
