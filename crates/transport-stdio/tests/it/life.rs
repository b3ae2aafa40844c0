//! How children begin and end.

use std::time::Duration;

use mcp_pool_core::{
    error::{Evidence, FaultKind, Outcome},
    extend::{CloseOutcome, Connector},
};
use mcp_pool_transport_stdio::StdioCommand;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::common::{LONG, Marked, PROGRAM, call, call_of, eventually, kill, request_of};

#[tokio::test]
async fn a_session_is_a_child_that_ends_with_it() {
    let child = Marked::serving(&[]);
    let session = child.open().await;
    assert_eq!(call(&session, "increment", Value::Null).await.unwrap(), "1");
    assert_eq!(call(&session, "increment", Value::Null).await.unwrap(), "2");
    assert_eq!(child.processes().len(), 1);
    assert_eq!(session.driver().close(LONG).await, CloseOutcome::Completed);
    child.none_left().await;
    let failure = call(&session, "count", Value::Null).await.unwrap_err();
    assert_eq!(failure.outcome(), Outcome::NotExecuted);
}

#[tokio::test]
async fn a_child_that_ignores_the_end_of_its_input_gets_a_signal() {
    let child = Marked::serving(&["--ignore-eof"]);
    let session = child.open().await;
    // The signal comes after half of it, and a quarter is for its effect.
    let limit = Duration::from_secs(8);
    assert_eq!(session.driver().close(limit).await, CloseOutcome::Completed);
    child.none_left().await;
    assert_eq!(child.connector.stats().killed, 0);
}

#[tokio::test]
async fn a_child_that_ignores_every_request_to_end_is_killed_within_the_farewell() {
    let command = StdioCommand::new("/bin/sh")
        .args(["-c", "trap '' TERM; exec \"$0\" serve --ignore-eof"])
        .arg(PROGRAM);
    let child = Marked::of(command);
    let session = child.open().await;
    let limit = Duration::from_secs(1);
    assert_eq!(session.driver().close(limit).await, CloseOutcome::TimedOut);
    child.none_left().await;
    assert_eq!(child.connector.stats().killed, 1);
}

#[tokio::test]
async fn the_children_of_a_child_end_with_it() {
    for kills in [false, true] {
        let child = Marked::serving(&["--grandchild"]);
        let session = child.open().await;
        assert_eq!(child.processes().len(), 2);
        match kills {
            true => {
                let pid = call(&session, "pid", Value::Null).await.unwrap();
                kill(pid.parse().unwrap());
            }
            false => drop(session.driver().close(LONG).await),
        }
        child.none_left().await;
    }
}

#[tokio::test]
async fn a_session_that_is_dropped_leaves_no_child() {
    let child = Marked::serving(&["--ignore-eof", "--grandchild"]);
    drop(child.open().await);
    child.none_left().await;
}

#[tokio::test]
async fn a_pool_that_is_dropped_leaves_no_child() {
    let child = Marked::serving(&["--ignore-eof"]);
    let pool = child.pool();
    let client = pool.client(request_of("alice", &[])).await.unwrap();
    call_of(&client, "increment", Value::Null).await.unwrap();
    assert_eq!(child.processes().len(), 1);
    drop((client, pool));
    child.none_left().await;
}

#[test]
fn a_runtime_that_ends_leaves_no_child() {
    let child = Marked::serving(&["--ignore-eof"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(child.open());
    assert_eq!(child.processes().len(), 1);
    drop(runtime);
    let other = tokio::runtime::Runtime::new().unwrap();
    other.block_on(child.none_left());
    drop(session);
}

#[tokio::test]
async fn a_child_that_never_answers_ends_at_the_deadline() {
    let child = Marked::serving(&["--silent", "--ignore-eof"]);
    let deadline = Instant::now() + Duration::from_millis(500);
    let request = child.request().with_deadline(deadline);
    let error = child.connector.connect(&request).await.unwrap_err();
    assert_eq!(error.kind(), &FaultKind::Timeout);
    assert_eq!(error.evidence(), Evidence::None);
    child.none_left().await;
}

#[tokio::test]
async fn a_child_that_closes_a_pipe_has_no_session_and_ends() {
    for pipe in ["0<&-", "1>&-", "0<&- 1>&- 2>&-"] {
        let script = format!("exec {pipe}; exec sleep 1000");
        let shell = StdioCommand::new("/bin/sh").args(["-c", &script]);
        let child = Marked::of(shell.env("PATH", "/bin:/usr/bin"));
        let began = Instant::now();
        let error = child.try_open().await.unwrap_err();
        assert_eq!(error.label(), "unreachable", "{pipe}: {error:?}");
        assert!(began.elapsed() < LONG / 2, "{pipe}: not at the deadline");
        assert_eq!(child.connector.stats().failed_starts, 1, "{pipe}");
        child.none_left().await;
    }
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_no_child() {
    let child = Marked::serving(&["--ignore-eof"]);
    for wait in [0, 1, 2, 5, 10, 50, 200] {
        let request = child.request();
        let connect = child.connector.connect(&request);
        let _ = timeout(Duration::from_millis(wait), connect).await;
    }
    eventually("the last one has begun", || {
        child.connector.stats().started == 7
    })
    .await;
    child.none_left().await;
}

#[tokio::test]
async fn a_connect_that_is_dropped_does_not_wait_for_a_child_that_never_answers() {
    let child = Marked::serving(&["--silent", "--ignore-eof"]);
    let deadline = Instant::now() + Duration::from_secs(600);
    let request = child.request().with_deadline(deadline);
    let connect = child.connector.connect(&request);
    let dropped = timeout(Duration::from_millis(300), connect).await;
    assert!(dropped.is_err());
    child.none_left().await;
}

#[tokio::test]
async fn a_session_whose_child_ends_is_over_without_a_request() {
    let child = Marked::serving(&[]);
    let pool = child.pool();
    let request = request_of("alice", &[]);
    let lease = pool.acquire(&request).await.unwrap();
    let first = child.processes();
    drop(lease);
    kill(first[0]);
    eventually("the session has left the pool", || {
        pool.status().sessions == 0
    })
    .await;
    let client = pool.client(request).await.unwrap();
    assert_eq!(
        call_of(&client, "increment", Value::Null).await.unwrap(),
        "1"
    );
    assert_ne!(child.processes(), first);
    pool.close(LONG).await;
    child.none_left().await;
}

/// Linux binds the end of a child to the thread that started it.
#[test]
fn a_child_outlives_the_thread_that_requested_it() {
    let child = Marked::serving(&[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = std::thread::scope(|scope| {
        let open = scope.spawn(|| runtime.block_on(child.open()));
        open.join().expect("no panic")
    });
    runtime.block_on(async {
        sleep(Duration::from_millis(300)).await;
        assert_eq!(call(&session, "increment", Value::Null).await.unwrap(), "1");
        session.driver().close(LONG).await;
        child.none_left().await;
    });
}
