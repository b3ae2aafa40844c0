//! Accepting connections in spite of errors.

use std::time::Duration;

use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Waits for the next connection.
///
/// An error ends no server: it concerns a connection that is gone already, or passes, as does a lack of
/// file descriptors.
///
/// # Cancel safety
/// Cancel safe: no connection is lost.
pub(crate) async fn next_connection(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// A lack of descriptors would be found again at once.
const PAUSE: Duration = Duration::from_millis(10);
