//! What a server of HTTP/2 reports of a request that it did not process.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mcp_pool_core::error::{FaultKind, Outcome};
use mcp_pool_http::{HttpFault, client, client_builder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const PREFACE: usize = 24;
/// The text of a `GOAWAY`.
const DEBUG_DATA: &[u8] = b"pl4nted";
const HEADERS: u8 = 1;
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// The type of the next frame and its stream.
async fn next_frame(stream: &mut TcpStream) -> Option<[u8; 5]> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut payload).await.ok()?;
    Some([head[3], head[5], head[6], head[7], head[8]])
}

/// Waits for a request and returns its stream.
async fn request(stream: &mut TcpStream) -> Option<[u8; 4]> {
    loop {
        let [kind, id @ ..] = next_frame(stream).await?;
        if kind == HEADERS {
            return Some(id);
        }
    }
}

/// What the server does with each request.
#[derive(Clone, Copy, Debug)]
enum Reply {
    /// `GOAWAY` with this last stream and error code.
    GoAway(u8, u8),
    /// `RST_STREAM` with this error code.
    Reset(u8),
    /// The connection breaks off.
    Cut,
}

/// Serves one request on a connection.
async fn serve(mut stream: TcpStream, reply: Reply, requests: &AtomicUsize) {
    let mut preface = [0; PREFACE];
    if stream.read_exact(&mut preface).await.is_err() {
        return;
    }
    let _ = stream.write_all(&SETTINGS).await;
    let Some(id) = request(&mut stream).await else {
        return;
    };
    requests.fetch_add(1, Ordering::SeqCst);
    let frame = match reply {
        Reply::GoAway(last, code) => {
            let length = u8::try_from(8 + DEBUG_DATA.len()).expect("a short frame");
            let head = [0, 0, length, 7, 0, 0, 0, 0, 0, 0, 0, 0, last, 0, 0, 0, code];
            [&head[..], DEBUG_DATA].concat()
        }
        Reply::Reset(code) => [&[0, 0, 4, 3, 0][..], &id, &[0, 0, 0, code]].concat(),
        Reply::Cut => return,
    };
    let _ = stream.write_all(&frame).await;
    if matches!(reply, Reply::Reset(_)) {
        // The connection stays open until the client leaves.
        while next_frame(&mut stream).await.is_some() {}
    }
}

/// The fault of a request to such a server, and the number of requests that it received.
async fn fault_of(reply: Reply) -> (HttpFault, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let requests = Arc::new(AtomicUsize::new(0));
    let received = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let received = Arc::clone(&received);
            tokio::spawn(async move { serve(stream, reply, &received).await });
        }
    });
    // What reqwest itself repeats would come twice.
    let builder = client_builder()
        .http2_prior_knowledge()
        .retry(reqwest::retry::never());
    let http = client(builder).expect("an http client");
    let sent = http.post(url).body("{}").send().await;
    let fault = HttpFault::of_send(sent.expect_err("no response"));
    (fault, requests.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_request_that_the_server_did_not_process_is_not_executed() {
    const NO_ERROR: u8 = 0;
    const INTERNAL_ERROR: u8 = 2;
    const REFUSED_STREAM: u8 = 7;
    const CANCEL: u8 = 8;
    const CALM: u8 = 11;
    for (reply, outcome) in [
        (Reply::GoAway(0, NO_ERROR), Outcome::NotExecuted),
        (Reply::GoAway(0, CALM), Outcome::NotExecuted),
        (Reply::GoAway(0, INTERNAL_ERROR), Outcome::NotExecuted),
        (Reply::Reset(REFUSED_STREAM), Outcome::NotExecuted),
        (Reply::GoAway(1, NO_ERROR), Outcome::Unknown),
        (Reply::GoAway(1, INTERNAL_ERROR), Outcome::Unknown),
        (Reply::Reset(INTERNAL_ERROR), Outcome::Unknown),
        (Reply::Reset(CANCEL), Outcome::Unknown),
        (Reply::Cut, Outcome::Unknown),
    ] {
        let (fault, requests) = fault_of(reply).await;
        assert_eq!(fault.failure().outcome(), outcome, "{reply:?} {fault:?}");
        assert_eq!(fault.kind(), &FaultKind::Unreachable, "{reply:?}");
        assert_eq!(requests, 1, "{reply:?}");
        let source = std::error::Error::source(&fault);
        let shown = format!("{fault} {fault:?} {source:?}");
        assert!(!shown.contains("pl4nted"), "{shown}");
    }
}
