//! Calls, and children that end or misbehave in the middle of them.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_core::{
    AcquireRequest, Principal,
    error::{FaultKind, Outcome, SessionCondition},
    extend::{CallContext, Session},
};
use mcp_pool_transport_stdio::StdioConnector;
use rmcp::model::{CallToolRequest, ClientRequest};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{LONG, Marked, call, call_of, eventually, kill, request_of, tool};

#[tokio::test]
async fn a_child_that_is_killed_fails_its_calls_at_once_and_the_next_call_has_a_new_child() {
    let child = Marked::serving(&[]);
    let pool = child.pool();
    let endpoint = StdioConnector::endpoint("child").unwrap();
    let endpoint = endpoint.with_max_concurrent_per_session(NonZeroU32::new(16).unwrap());
    let request = AcquireRequest::new(endpoint, Principal::user("alice"));
    let client = pool.client(request).await.unwrap();
    call_of(&client, "increment", Value::Null).await.unwrap();
    let first = child.processes();
    let long = json!({ "ms": 600_000 });
    let calls = (0..8).map(|_| call_of(&client, "wait", long.clone()));
    let killing = async {
        // The calls are on their way when the server answers a later one.
        call_of(&client, "count", Value::Null).await.unwrap();
        kill(first[0]);
    };
    let failing = futures::future::join_all(calls);
    let (failed, ()) = timeout(LONG, futures::future::join(failing, killing))
        .await
        .unwrap();
    for failed in failed {
        assert_eq!(failed.unwrap_err().outcome(), Outcome::Unknown);
    }
    assert_eq!(
        call_of(&client, "increment", Value::Null).await.unwrap(),
        "1"
    );
    assert_ne!(child.processes(), first);
    pool.close(LONG).await;
    child.none_left().await;
}

#[tokio::test]
async fn a_call_that_no_child_has_seen_was_not_executed() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    let id = child.processes()[0];
    kill(id);
    eventually("it has ended", || session.is_over()).await;
    let failure = call(&session, "increment", Value::Null).await.unwrap_err();
    assert_eq!(failure.outcome(), Outcome::NotExecuted);
    assert_eq!(failure.kind(), &FaultKind::SessionGone);
    assert!(failure.is_repeatable_elsewhere());
}

#[tokio::test]
async fn a_child_that_ends_in_a_call_leaves_an_unknown_outcome() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    let code = json!({ "code": 3 });
    let failure = timeout(LONG, call(&session, "exit", code))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(failure.outcome(), Outcome::Unknown);
    assert_eq!(failure.session(), SessionCondition::Gone);
    eventually("it is counted", || child.connector.stats().ended == 1).await;
    assert_eq!(child.connector.stats().stray_answers, 1);
}

#[tokio::test]
async fn what_a_child_wrote_before_its_end_is_read() {
    let child = Marked::serving(&[]);
    for _ in 0..5 {
        let session = child.open().await;
        let answer = call(&session, "answer_and_exit", Value::Null)
            .await
            .unwrap();
        assert_eq!(answer.len(), 200_000);
    }
    child.none_left().await;
}

#[tokio::test]
async fn calls_of_one_session_run_at_the_same_time() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    let calls = (0..100).map(|_| call(&session, "wait", json!({ "ms": 1_000 })));
    let answers = timeout(LONG, futures::future::join_all(calls))
        .await
        .unwrap();
    assert!(
        answers
            .into_iter()
            .all(|answer| answer.unwrap() == "waited")
    );
}

#[tokio::test]
async fn an_answer_over_the_limit_ends_its_call_and_not_its_session() {
    let mut child = Marked::serving(&[]);
    child.connector = child.connector.with_max_message_size(100_000);
    let session = child.open().await;
    let long = call(&session, "wait", json!({ "ms": 300 }));
    let big = call(&session, "big", json!({ "bytes": 200_000 }));
    let (long, big) = tokio::join!(long, big);
    let failure = big.unwrap_err();
    assert_eq!(failure.kind(), &FaultKind::TooLarge { limit: 100_000 });
    assert_eq!(failure.outcome(), Outcome::Unknown);
    assert!(failure.is_session_usable());
    assert_eq!(long.unwrap(), "waited");
    let fits = call(&session, "big", json!({ "bytes": 99_000 }))
        .await
        .unwrap();
    assert_eq!(fits.len(), 99_000);
}

#[tokio::test]
async fn a_line_without_an_end_ends_its_session() {
    let mut child = Marked::serving(&[]);
    child.connector = child.connector.with_max_message_size(10_000);
    let session = child.open().await;
    let failure = timeout(LONG, call(&session, "endless", Value::Null))
        .await
        .unwrap();
    assert_eq!(failure.unwrap_err().outcome(), Outcome::Unknown);
    assert!(session.is_over());
    child.none_left().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_ends_its_call_and_not_its_session() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    for name in ["broken", "empty"] {
        let failure = timeout(LONG, call(&session, name, Value::Null))
            .await
            .unwrap();
        let failure = failure.unwrap_err();
        assert_eq!(failure.kind(), &FaultKind::Protocol, "{name}");
        assert_eq!(failure.outcome(), Outcome::Unknown, "{name}");
        assert!(failure.is_session_usable(), "{name}");
    }
    assert_eq!(call(&session, "increment", Value::Null).await.unwrap(), "1");
}

#[tokio::test]
async fn an_answer_that_nothing_waits_for_is_counted_and_skipped() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    assert_eq!(call(&session, "twice", Value::Null).await.unwrap(), "once");
    assert_eq!(call(&session, "increment", Value::Null).await.unwrap(), "1");
    assert_eq!(child.connector.stats().stray_answers, 1);
}

#[tokio::test]
async fn the_progress_of_a_call_comes_before_its_answer() {
    let child = Marked::serving(&[]);
    let pool = child.pool();
    let client = pool.client(request_of("alice", &[])).await.unwrap();
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&steps);
    let client = client.with_progress(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    for calls in 1..=5 {
        let answer = call_of(&client, "progress", Value::Null).await.unwrap();
        assert_eq!(
            (answer.as_str(), steps.load(Ordering::SeqCst)),
            ("done", calls * 3)
        );
    }
    pool.close(LONG).await;
}

#[tokio::test]
async fn a_ping_of_a_child_is_answered() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    assert_eq!(call(&session, "ask", Value::Null).await.unwrap(), "asked");
    for _ in 0..6_000 {
        if call(&session, "answers", Value::Null).await.unwrap() == "1" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no answer to the ping");
}

#[tokio::test]
async fn a_caller_that_leaves_cancels_its_request_on_the_child() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    let waits = call(&session, "wait", json!({ "ms": 600_000 }));
    assert!(timeout(Duration::from_millis(300), waits).await.is_err());
    for _ in 0..6_000 {
        if call(&session, "cancelled", Value::Null).await.unwrap() == "1" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no cancellation");
}

#[tokio::test]
async fn a_peer_of_rmcp_works_over_the_same_child() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    let peer = session.peer().await.unwrap();
    let tools = peer.list_all_tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "increment"));
    assert_eq!(count(&session).await, "0");
}

async fn count(session: &Session) -> String {
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(tool("count", Value::Null)));
    let context = CallContext::new(Arc::default(), Arc::default());
    let answer = session.driver().call(request, Some(&context)).await;
    let answer = answer.expect("an answer");
    let raw = answer.raw().expect("its json").get();
    let value: Value = serde_json::from_str(raw).expect("json");
    value["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
