//! A handshake on a task of its own.

use std::time::Duration;

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
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(Ok(session)) = sender.send(handshake.await) {
            session.driver().close(CLOSE_TIMEOUT).await;
        }
    });
    let lost = || Err(ConnectError::new(FaultKind::Other));
    receiver.await.unwrap_or_else(|_| lost())
}

/// The time limit for closing a session whose caller was dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
