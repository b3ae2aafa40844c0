//! The request that opens a session.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{Answer, WireCall},
};
use mcp_pool_http::HttpFault;
use tokio::{sync::oneshot, time::timeout};

use crate::session::Connection;

/// Sends the first request of a session on a task of its own.
///
/// The request outlives a dropped handshake: only its response has the id that is needed to close
/// the session which the server has opened.
pub(super) async fn answer(
    connection: &Arc<Connection>,
    call: WireCall,
) -> Result<Answer, HttpFault> {
    let (sender, receiver) = oneshot::channel();
    let own = Arc::clone(connection);
    // Boxed, since a large task leaves a hole in memory: the runtime aligns it to 128 bytes, and
    // glibc's `malloc` does not use such a block for the next one.
    tokio::spawn(Box::pin(async move {
        let answer = timeout(LONGEST_ANSWER, own.handshake(&call)).await;
        if sender.send(answer.unwrap_or_else(|_| Err(late()))).is_err() {
            close(own).await;
        }
    }));
    receiver.await.unwrap_or_else(|_| {
        let what = "the runtime is shutting down";
        Err(HttpFault::new(Outcome::Unknown, FaultKind::Other, what))
    })
}

/// Ends a session that is not used, and closes it on the server once its id is known.
pub(super) async fn close(connection: Arc<Connection>) {
    connection.end();
    let _ = timeout(CLOSE_TIMEOUT, connection.delete_session()).await;
}

fn late() -> HttpFault {
    let what = "no answer to the first request of a session";
    HttpFault::new(Outcome::Unknown, FaultKind::Timeout, what)
}

/// How long the answer that opens a session is waited for after the handshake was given up.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
