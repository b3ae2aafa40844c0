//! A call whose caller leaves, and a session that ends under its calls.

use std::time::Duration;

use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{CloseOutcome, ConnectRequest, Connector},
};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::{
    LONG, call, connector, eventually,
    scripted::{Reply, Scripted, handshake},
    tool,
};

/// A server that answers nothing but the handshake.
fn silent(message: &Value) -> Reply {
    handshake(message).unwrap_or_default()
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_on_the_server() {
    let server = Scripted::start(silent);
    let session = server.connect(&connector()).await;
    {
        let mut called = session.driver().call(tool("x"), None);
        while server.posted_of("tools/call").is_empty() {
            let _ = timeout(Duration::from_millis(10), &mut called).await;
        }
    }
    let cancelled = || server.posted_of("notifications/cancelled");
    eventually("a cancellation", || !cancelled().is_empty()).await;
    let id = &server.posted_of("tools/call")[0].message["id"];
    assert_eq!(&cancelled()[0].message["params"]["requestId"], id);
}

#[tokio::test]
async fn a_call_that_is_dropped_outside_of_a_runtime_is_cancelled_too() {
    let server = Scripted::start(silent);
    let session = server.connect(&connector()).await;
    std::thread::scope(|threads| {
        let mut called = session.driver().call(tool("x"), None);
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        assert!(called.as_mut().poll(&mut context).is_pending());
        threads.spawn(move || drop(called));
    });
    let cancelled = || server.posted_of("notifications/cancelled");
    eventually("a cancellation", || cancelled().len() == 1).await;
}

#[tokio::test]
async fn an_initialize_that_is_dropped_is_not_cancelled() {
    let server = Scripted::start(|_| Reply::default());
    // Long enough for `initialize` to reach a slow server.
    let deadline = Instant::now() + Duration::from_secs(3);
    let request = ConnectRequest::detached(&server.endpoint(), http::HeaderMap::new());
    let request = request.with_deadline(deadline);
    let error = connector().connect(&request).await.expect_err("no answer");
    assert_eq!(error.kind(), &FaultKind::Timeout);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.posted().len(), 1, "only `initialize` was sent");
}

#[tokio::test]
async fn the_end_of_the_stream_ends_all_calls_and_the_session() {
    let server = Scripted::start(silent);
    let session = server.connect(&connector()).await;
    let calls = (0..10).map(|_| call(&session, "x"));
    let ended = async {
        eventually("the calls", || server.posted_of("tools/call").len() == 10).await;
        server.end_streams();
    };
    let (failures, ()) = tokio::join!(futures::future::join_all(calls), ended);
    for failure in failures {
        let failure = failure.expect_err("no answer");
        assert_eq!(failure.kind(), &FaultKind::SessionGone);
        assert_eq!(failure.outcome(), Outcome::Unknown);
    }
    assert!(session.is_over());
    let failure = call(&session, "x").await.expect_err("no session");
    assert_eq!(failure.outcome(), Outcome::NotExecuted);
}

#[tokio::test]
async fn a_close_ends_the_calls_in_flight_and_the_stream() {
    let server = Scripted::start(silent);
    let session = server.connect(&connector()).await;
    let closed = async {
        eventually("the call", || !server.posted_of("tools/call").is_empty()).await;
        session.driver().close(LONG).await
    };
    let (failure, outcome) = tokio::join!(call(&session, "x"), closed);
    assert_eq!(failure.expect_err("no answer").outcome(), Outcome::Unknown);
    assert_eq!(outcome, CloseOutcome::Completed);
}
