//! The news of revocations.

use std::time::Duration;

use mcp_pool_core::extend::{FleetMark, SessionDirectory};
use mcp_pool_redis::RedisDirectory;
use tokio::time::timeout;

use crate::server::Server;

const LONG: Duration = Duration::from_secs(60);

fn mark() -> FleetMark {
    FleetMark::from_bytes([7; 32])
}

/// Waits for news of this directory, while another one revokes again and again.
async fn expect_news(of: &RedisDirectory, by: &RedisDirectory) {
    let revoke = async {
        loop {
            // What was revoked before the first subscription is no news.
            let _ = by.revoke(&mark()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let news = timeout(LONG, of.news());
    tokio::select! {
        news = news => news.expect("news"),
        () = revoke => {}
    }
}

#[tokio::test]
async fn a_revocation_is_news_to_every_directory_of_its_prefix() {
    let server = Server::start().await;
    let (here, there) = (server.directory(), server.directory());
    expect_news(&here, &there).await;
    expect_news(&there, &there).await;
    let other = server.directory().with_prefix("other:");
    let no_news = timeout(Duration::from_millis(200), other.news());
    let revoke = expect_news(&here, &there);
    let (no_news, ()) = tokio::join!(no_news, revoke);
    assert!(no_news.is_err(), "news of another fleet");
}

#[tokio::test]
async fn news_that_come_while_no_pool_waits_are_not_lost() {
    let server = Server::start().await;
    let (here, there) = (server.directory(), server.directory());
    expect_news(&here, &there).await;
    // The rest of the news from before.
    while timeout(Duration::from_millis(200), here.news())
        .await
        .is_ok()
    {}
    there.revoke(&mark()).await.expect("a revocation");
    tokio::time::sleep(Duration::from_millis(50)).await;
    timeout(LONG, here.news()).await.expect("news");
}

#[tokio::test]
async fn news_come_again_after_the_server_was_replaced() {
    let mut server = Server::start().await;
    let (here, there) = (server.directory(), server.directory());
    expect_news(&here, &there).await;
    server.replace().await;
    while timeout(Duration::from_millis(200), here.news())
        .await
        .is_ok()
    {}
    expect_news(&here, &there).await;
}
