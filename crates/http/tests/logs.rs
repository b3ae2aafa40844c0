//! The libraries below log no header of an HTTP/2 exchange.

use mcp_pool_http::{client, client_builder};
use mcp_pool_testkit::logs::LogCapture;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// `SETTINGS`, then `HEADERS` of stream 1 with `:status: 200` and a cookie, which end it.
fn answer() -> Vec<u8> {
    let cookie = b"sid=pl4nted-cookie";
    // Literal without indexing, by the index of `set-cookie` in the static table: 55.
    let mut block = vec![
        0x88,
        0x0f,
        40,
        u8::try_from(cookie.len()).expect("a short cookie"),
    ];
    block.extend_from_slice(cookie);
    let length = u8::try_from(block.len()).expect("a short block");
    let mut answer = vec![0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, length, 1, 5, 0, 0, 0, 1];
    answer.extend_from_slice(&block);
    answer
}

async fn serve(mut stream: TcpStream) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(&answer()).await;
    // The connection stays open until the client leaves.
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
}

#[tokio::test]
async fn no_header_of_an_http2_exchange_is_logged() {
    let logs = LogCapture::begin();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let http = client(client_builder().http2_prior_knowledge()).expect("an http client");
    let request = http.post(url).body("pl4nted-body");
    let request = request.header("authorization", "Bearer pl4nted-token");
    let request = request.header("x-api-key", "pl4nted-key");
    let response = request.send().await.expect("a response");
    assert_eq!(response.headers()["set-cookie"], "sid=pl4nted-cookie");
    let text = logs.text();
    assert!(text.contains("h2"), "the logs were captured");
    let line = text.lines().find(|line| line.contains("pl4nted"));
    assert_eq!(line, None);
}
