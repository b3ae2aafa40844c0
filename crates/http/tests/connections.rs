//! The connections of the default client.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_http::{client, client_builder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Answers every request on a connection, which stays open.
async fn serve(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
    }
}

#[tokio::test]
async fn a_connection_is_used_again_but_not_after_four_idle_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    let http = client(client_builder().pool_max_idle_per_host(1)).expect("an http client");
    let send = async || {
        drop(
            http.get(&url)
                .send()
                .await
                .expect("a response")
                .bytes()
                .await,
        )
    };
    let mut sent = 0;
    // The connection goes back to the pool on a task of its own, which may take a moment.
    while accepted.load(Ordering::SeqCst) == sent {
        assert!(sent < 1_000, "no connection is used again");
        send().await;
        sent += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = accepted.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    send().await;
    assert_eq!(accepted.load(Ordering::SeqCst), before + 1);
}
