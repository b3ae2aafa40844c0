//! Servers with sessions and servers without, and what they make of each other's first request.

use mcp_pool_core::{
    config::Lifecycle,
    extend::{Connector, Era},
};
use mcp_pool_transport_stdio::{StdioCommand, StdioConnector};
use serde_json::Value;

use crate::common::{LONG, Marked, PROGRAM, call, call_of, request_of};

#[tokio::test]
async fn the_era_of_a_server_is_found_with_one_child() {
    for (args, era, revision) in [
        (&[][..], Era::Legacy, "2025-11-25"),
        (&["--stateless"], Era::Stateless, "2026-07-28"),
        (&["--ignore-unknown"], Era::Legacy, "2025-11-25"),
    ] {
        let child = Marked::serving(args);
        for _ in 0..2 {
            let session = child.open().await;
            assert_eq!(session.info().era, era, "{args:?}");
            assert_eq!(session.info().protocol_version, revision, "{args:?}");
            assert_eq!(call(&session, "increment", Value::Null).await.unwrap(), "1");
            session.driver().close(LONG).await;
        }
        assert_eq!(child.connector.stats().started, 2, "{args:?}");
        child.none_left().await;
    }
}

/// An interpreter takes seconds to start on a busy machine, and then answers in order.
#[tokio::test]
async fn a_stateless_server_that_answers_late_is_stateless() {
    let child = Marked::serving(&["--stateless", "--delay-discovery", "4000"]);
    let session = child.open().await;
    assert_eq!(session.info().era, Era::Stateless);
    assert_eq!(call(&session, "increment", Value::Null).await.unwrap(), "1");
    assert_eq!(child.connector.stats().started, 1);
    session.driver().close(LONG).await;
}

#[tokio::test]
async fn a_legacy_server_that_ends_with_an_unknown_request_is_started_once_more() {
    let child = Marked::serving(&["--exit-on-unknown"]);
    for started in [2, 3] {
        let session = child.open().await;
        assert_eq!(session.info().era, Era::Legacy);
        session.driver().close(LONG).await;
        assert_eq!(child.connector.stats().started, started);
    }
    assert_eq!(child.connector.stats().failed_starts, 0);
}

#[tokio::test]
async fn a_server_that_changes_its_era_is_found_again() {
    let directory = std::env::temp_dir().join(crate::common::mark());
    let flags = directory.to_str().unwrap().to_owned();
    let script = format!("exec \"$0\" serve $(cat {flags})");
    let command = StdioCommand::new("/bin/sh")
        .args(["-c", &script])
        .arg(PROGRAM);
    let child = Marked::of(command.env_from("PATH"));
    for (args, era) in [
        ("", Era::Legacy),
        ("--stateless", Era::Stateless),
        ("", Era::Legacy),
    ] {
        std::fs::write(&flags, args).unwrap();
        for _ in 0..2 {
            let session = child.open().await;
            assert_eq!(session.info().era, era);
            session.driver().close(LONG).await;
        }
    }
    std::fs::remove_file(&flags).unwrap();
}

#[tokio::test]
async fn a_configured_era_is_tried_alone() {
    let child = Marked::serving(&["--stateless"]);
    let endpoint = StdioConnector::endpoint("child").unwrap();
    let legacy = endpoint.with_lifecycle(Lifecycle::Legacy);
    let request = mcp_pool_core::extend::ConnectRequest::detached(&legacy, Default::default());
    let error = child.connector.connect(&request).await.unwrap_err();
    assert_eq!(error.label(), "protocol");
    assert_eq!(child.connector.stats().started, 1);
    child.none_left().await;
}

#[tokio::test]
async fn a_stateless_child_that_ends_is_replaced() {
    let child = Marked::serving(&["--stateless"]);
    let pool = child.pool();
    let client = pool.client(request_of("alice", &[])).await.unwrap();
    for _ in 0..3 {
        assert_eq!(
            call_of(&client, "increment", Value::Null).await.unwrap(),
            "1"
        );
        let processes = child.processes();
        assert_eq!(processes.len(), 1);
        crate::common::kill(processes[0]);
        child.none_left().await;
    }
    pool.close(LONG).await;
}
