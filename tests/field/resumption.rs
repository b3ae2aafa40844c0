//! An answer whose stream ended early is resumed where it ended.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mcp_pool_testkit::{RawRequest, RawServer, Reply};
use mcp_session_pool::{
    PoolConfig,
    config::Lifecycle,
    error::Outcome,
    serde_json::{Value, json},
};
use tokio::time::Instant;

use crate::setup::{call, client, close, pool};

/// How a server ends a stream early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It closes the stream in order.
    Closed,
    /// The connection breaks.
    Broken,
}

/// A stream with the event 7, which is no answer and requests a pause, and this end.
fn early(retry: Duration, end: End) -> Reply {
    let text = format!("id: 7\nretry: {}\ndata:\n\n", retry.as_millis());
    let head = "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n";
    let mut bytes = format!(
        "{head}content-type: text/event-stream\r\n\r\n{:x}\r\n{text}\r\n",
        text.len()
    );
    if end == End::Closed {
        bytes += "0\r\n\r\n";
    }
    Reply::bytes(bytes.into_bytes()).then_close()
}

/// A server whose tool `early` answers with such a stream, and goes on with the answer from event 7 on.
fn server(retry: Duration, end: End) -> RawServer {
    let called = Mutex::new(Value::Null);
    RawServer::start(move |request| {
        let mut called = called.lock().unwrap_or_else(PoisonError::into_inner);
        match request.method() {
            "tools/call" if request.tool() == "early" => {
                *called = request.message["id"].clone();
                early(retry, end)
            }
            "GET" if request.header("last-event-id") == "7" => resumed(&called),
            _ => request.plain_reply("session"),
        }
    })
}

/// The rest of the stream: the answer to the request with this id.
fn resumed(id: &Value) -> Reply {
    let result = json!({ "content": [{ "type": "text", "text": "resumed" }] });
    let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    Reply::text(
        200,
        "text/event-stream",
        &format!("id: 8\ndata: {answer}\n\n"),
    )
}

fn gets(server: &RawServer) -> Vec<RawRequest> {
    let seen = server.seen().into_iter();
    seen.filter(|seen| seen.http_method == "GET").collect()
}

#[tokio::test]
async fn an_answer_is_resumed_from_its_last_event_on_the_same_session_and_nothing_is_called_twice()
{
    for end in [End::Closed, End::Broken] {
        let server = server(Duration::from_millis(10), end);
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        let answer = call(&alice, "early").await;
        assert_eq!(answer.expect("an answer"), "resumed", "{end:?}");
        let gets = gets(&server);
        assert_eq!(gets.len(), 1, "{end:?}");
        assert_eq!(gets[0].session(), "session");
        assert_eq!(gets[0].header("authorization"), "Bearer alice-token");
        assert_eq!(server.count("tools/call"), 1, "{end:?}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn the_pause_that_a_server_requests_is_kept_for_a_stream_that_it_closed() {
    let pause = Duration::from_millis(700);
    let server = server(pause, End::Closed);
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    let began = Instant::now();
    call(&alice, "early").await.expect("an answer");
    assert!(began.elapsed() >= pause, "{:?}", began.elapsed());
    close(&pool).await;
}

#[tokio::test]
async fn an_answer_whose_connection_broke_is_resumed_without_the_pause_for_closed_streams() {
    let server = server(Duration::from_secs(25), End::Broken);
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    let alice = alice.with_timeout(Duration::from_secs(20));
    call(&alice, "early").await.expect("an answer in time");
    close(&pool).await;
}

#[tokio::test]
async fn an_answer_without_an_event_id_or_without_a_session_is_not_resumed() {
    for (session, text) in [("session", ": hello\n\n"), ("", "id: 7\ndata:\n\n")] {
        let server = RawServer::start(move |request| match request.tool() {
            "early" => {
                let head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n";
                Reply::bytes(format!("{head}{text}").into_bytes()).then_close()
            }
            _ => request.plain_reply(session),
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        let error = call(&alice, "early").await.expect_err("no answer");
        assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
        assert_eq!(gets(&server).len(), 0);
        assert_eq!(server.count("tools/call"), 1);
        close(&pool).await;
    }
}
