//! What children write besides messages.

use serde_json::Value;

use crate::common::{LONG, Marked, call, eventually};

#[tokio::test]
async fn lines_that_are_no_messages_are_counted_and_skipped() {
    let child = Marked::serving(&["--banner"]);
    let session = child.open().await;
    assert_eq!(call(&session, "increment", Value::Null).await.unwrap(), "1");
    assert_eq!(child.connector.stats().other_lines, 3);
    session.driver().close(LONG).await;
}

#[tokio::test]
async fn a_child_that_floods_both_outputs_is_served_and_ended() {
    let child = Marked::serving(&["--flood"]);
    let session = child.open().await;
    for call_number in 1..=50 {
        let answer = call(&session, "increment", Value::Null).await.unwrap();
        assert_eq!(answer, call_number.to_string());
    }
    eventually("both are read", || {
        let stats = child.connector.stats();
        stats.error_lines > 0 && stats.other_lines > 0
    })
    .await;
    session.driver().close(LONG).await;
    child.none_left().await;
}

#[tokio::test]
async fn the_last_lines_of_a_child_that_ends_are_read() {
    let child = Marked::serving(&["--show-env", "--exit", "1"]);
    child.try_open().await.unwrap_err();
    // It is started twice: it may have ended because of the first request.
    let stats = || child.connector.stats();
    eventually("its lines are read", || stats().error_lines == 2).await;
    child.none_left().await;
}
