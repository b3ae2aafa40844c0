//! Repetition of requests that do no harm when they are executed twice.

use std::time::Duration;

use tokio::time::sleep;

use crate::fault::HttpFault;

/// Sends a request, and again while it dies on its connection before any response comes.
///
/// A server may close a kept-alive connection at any time (RFC 9112 section 9.6), which the request
/// then meets. Only for requests that may be executed twice: those that open a session, that read, and
/// that end a session. The last of three attempts is the result.
///
/// # Errors
/// As `attempt`.
///
/// # Cancel safety
/// Not cancel safe: the server may execute the request; its response is lost.
pub async fn send_repeatedly<T, F>(attempt: impl Fn() -> F) -> Result<T, HttpFault>
where
    F: Future<Output = Result<T, HttpFault>>,
{
    for pause in PAUSES {
        match attempt().await {
            Err(fault) if fault.is_dead_connection() => sleep(pause).await,
            result => return result,
        }
    }
    attempt().await
}

/// At once: the next connection is likely a fresh one. Then later, where a whole pool of them is dead.
const PAUSES: [Duration; 2] = [Duration::ZERO, Duration::from_millis(20)];

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use mcp_pool_core::error::{FaultKind, Outcome};

    use super::*;

    async fn attempts(outcome: Outcome, kind: FaultKind) -> u32 {
        let count = AtomicU32::new(0);
        let result = send_repeatedly(async || {
            count.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(HttpFault::suspect(outcome, kind.clone(), "test"))
        });
        result.await.unwrap_err();
        count.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_dead_connection_is_a_reason_to_repeat() {
        assert_eq!(attempts(Outcome::Unknown, FaultKind::Unreachable).await, 3);
        assert_eq!(
            attempts(Outcome::NotExecuted, FaultKind::Unreachable).await,
            1
        );
        assert_eq!(attempts(Outcome::Unknown, FaultKind::Timeout).await, 1);
    }
}
