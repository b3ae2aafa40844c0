//! The directory in a cluster.

use std::{sync::OnceLock, time::Duration};

use mcp_pool_core::extend::{FleetMark, ReplicaId, SessionDirectory};
use mcp_pool_redis::RedisDirectory;
use tokio::time::{sleep, timeout};

use crate::server::Server;

/// A node that has every slot.
async fn cluster() -> Server {
    let server = Server::start_with(&["--cluster-enabled", "yes"]).await;
    server
        .run(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
        .await;
    let directory = directory_in(&server);
    for _ in 0..3_000 {
        if beat(&directory).await {
            return server;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the cluster has no state");
}

async fn beat(directory: &RedisDirectory) -> bool {
    let replica = ReplicaId::random();
    let beat = directory.beat(&replica, Duration::from_secs(1), None);
    beat.await.is_ok()
}

fn directory_in(server: &Server) -> RedisDirectory {
    let url = format!("redis+cluster://127.0.0.1:{}", server.port());
    RedisDirectory::new(&url).expect("a valid URL")
}

/// A directory with keys of its own in a cluster that all tests share.
async fn directory() -> RedisDirectory {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _starting = STARTING.lock().await;
    if SERVER.get().is_none() {
        let _ = SERVER.set(cluster().await);
    }
    let prefix = format!("{}:", ReplicaId::random().to_hex());
    directory_in(SERVER.get().expect("set above")).with_prefix(prefix)
}

mcp_pool_directory::directory_suite!(directory().await);

#[tokio::test]
async fn news_come_from_a_cluster() {
    let directory = directory().await;
    let revoke = async {
        loop {
            let revoked = directory.revoke(&FleetMark::from_bytes([7; 32])).await;
            revoked.expect("a revocation");
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        news = timeout(Duration::from_secs(60), directory.news()) => news.expect("news"),
        () = revoke => {}
    }
}
