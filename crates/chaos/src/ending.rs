//! When the program ends.

use tokio::io::AsyncReadExt;

/// Waits for SIGTERM, SIGINT, or the end of the standard input.
pub(crate) async fn ending(is_detached: bool) {
    tokio::select! {
        () = signalled() => {}
        () = input_ended(), if !is_detached => {}
    }
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};

    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn signalled() {
    let _ = tokio::signal::ctrl_c().await;
}

async fn input_ended() {
    let mut input = tokio::io::stdin();
    let mut unread = [0; 256];
    while input.read(&mut unread).await.is_ok_and(|bytes| bytes > 0) {}
}
