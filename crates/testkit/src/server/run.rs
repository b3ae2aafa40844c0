//! A server's threads.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    thread::{self, JoinHandle},
    time::Duration,
};

use axum::Router;
use tokio_util::sync::CancellationToken;

use crate::connections::{Connections, CountingListener};

/// A running server. Dropping it closes every connection.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    connections: Connections,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a server; `router` runs on the server's own threads.
    pub(crate) fn start(
        address: SocketAddr,
        router: impl FnOnce() -> Router + Send + 'static,
    ) -> Self {
        let listener = bind(address).expect("a port of the loopback interface");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        listener
            .set_nonblocking(true)
            .expect("a listener can be made non-blocking");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let connections = Connections::default();
        let counting = connections.clone();
        let thread = thread::spawn(move || serve(listener, counting, router, &stopped));
        Self {
            address,
            connections,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of open connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.count()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Binds; retries for a minute when an outgoing connection has taken the port meanwhile.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let mut tries = 0;
    loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < 6_000 => tries += 1,
            result => return result,
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn serve(
    listener: TcpListener,
    connections: Connections,
    router: impl FnOnce() -> Router,
    stop: &CancellationToken,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime for the test server");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listening socket");
        let listener = CountingListener::new(listener, connections);
        let router = router();
        let served = tokio::spawn(async move { axum::serve(listener, router).await });
        stop.cancelled().await;
        served.abort();
    });
    // Every connection is a task of this runtime: all are closed before `Running` is dropped.
    runtime.shutdown_timeout(Duration::from_secs(10));
}
