//! Opening a session on a task of its own.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::{
    error::{ConnectError, FaultKind},
    extend::Session,
};

/// Runs a handshake on a task of its own: rmcp keeps the span in which a session was opened for as
/// long as the session lives, and nobody may go away in the middle of a handshake.
///
/// # Errors
/// [`ConnectError`]: that of the handshake; of kind `Other` when the runtime is shutting down.
///
/// # Cancel safety
/// Safe. The handshake goes on, and the session is closed as soon as it is open.
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

/// For a session that nobody waits for any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
