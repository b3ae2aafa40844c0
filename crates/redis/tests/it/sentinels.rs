//! The directory in the master of a service.

use std::time::Duration;

use mcp_pool_core::extend::{ReplicaId, SessionDirectory};
use mcp_pool_redis::RedisDirectory;
use tokio::time::sleep;

use crate::server::Server;

/// A server that watches a master.
async fn sentinel(master: &Server) -> Server {
    let file = std::env::temp_dir().join(format!("sentinel-{}", ReplicaId::random().to_hex()));
    let port = master.port();
    let config = format!(
        "sentinel monitor service 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds service 300\n\
         sentinel failover-timeout service 2000\n"
    );
    std::fs::write(&file, config).expect("a file");
    Server::start_from(&file.display().to_string(), &["--sentinel"]).await
}

fn directory_by(sentinel: &Server) -> RedisDirectory {
    let url = format!("redis+sentinel://127.0.0.1:{}/service/0", sentinel.port());
    RedisDirectory::new(&url).expect("a valid URL")
}

/// The incarnation, once the directory answers.
async fn incarnation(directory: &RedisDirectory) -> u64 {
    let replica = ReplicaId::random();
    for _ in 0..3_000 {
        let beat = directory.beat(&replica, Duration::from_secs(60), None);
        if let Ok(beat) = beat.await {
            return beat.incarnation;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("no master");
}

#[tokio::test]
async fn the_directory_follows_the_master_that_the_sentinels_name() {
    let mut master = Server::start().await;
    let port = master.port().to_string();
    let heir = Server::start_with(&["--replicaof", "127.0.0.1", &port]).await;
    let sentinel = sentinel(&master).await;
    let directory = directory_by(&sentinel);
    let before = incarnation(&directory).await;
    assert_eq!(incarnation(&master.directory()).await, before);
    // The heir knows what the master has, and the sentinel knows the heir.
    for _ in 0..3_000 {
        let replicas = sentinel.run(&["SENTINEL", "REPLICAS", "service"]).await;
        let is_copied = heir.run(&["EXISTS", "mcp-pool:i"]).await == redis::Value::Int(1);
        let is_known = matches!(replicas, redis::Value::Array(all) if !all.is_empty());
        if is_copied && is_known {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    master.end();
    assert_eq!(incarnation(&directory).await, before, "no holding is lost");
    assert_eq!(incarnation(&heir.directory()).await, before);
}

#[tokio::test]
async fn a_service_that_no_sentinel_knows_is_no_directory() {
    let master = Server::start().await;
    let sentinel = sentinel(&master).await;
    let url = format!("redis+sentinel://127.0.0.1:{}/other", sentinel.port());
    let directory = RedisDirectory::new(&url).expect("a valid URL");
    let replica = ReplicaId::random();
    let beat = directory.beat(&replica, Duration::from_secs(1), None);
    assert!(beat.await.is_err());
}
