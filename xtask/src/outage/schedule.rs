//! When the server is there.

use std::time::Duration;

use mcp_pool_testkit::server::CounterServer;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// One outage of the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    /// Just before the kill.
    pub(super) began: Instant,
    /// Just before the port is open again.
    pub(super) ended: Instant,
}

/// Kills the server and brings it back, for `length`. Returns the outages, and the server.
pub(super) async fn kill_and_restart(
    mut server: CounterServer,
    length: Duration,
) -> (Vec<Outage>, CounterServer) {
    let end = Instant::now() + length;
    let mut outages = Vec::new();
    loop {
        sleep(UP).await;
        if Instant::now() + DOWN + UP > end {
            return (outages, server);
        }
        let began = Instant::now();
        server = change(server, CounterServer::stop).await;
        sleep(DOWN).await;
        let ended = Instant::now();
        server = change(server, CounterServer::restart).await;
        outages.push(Outage { began, ended });
    }
}

/// Changes the server on a thread that may block.
async fn change(mut server: CounterServer, how: fn(&mut CounterServer)) -> CounterServer {
    let changed = spawn_blocking(move || {
        how(&mut server);
        server
    });
    changed.await.expect("a server that stops and starts")
}

const UP: Duration = Duration::from_millis(1_500);
const DOWN: Duration = Duration::from_millis(500);
