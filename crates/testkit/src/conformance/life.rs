//! How sessions begin and end.

use std::time::Duration;

use mcp_pool_core::{
    error::{ConnectError, FaultKind},
    extend::{CloseOutcome, Connector, Session},
};
use rmcp::model::{ClientRequest, PingRequest};
use tokio::time::{Instant, timeout};

use super::helpers::{LONG, bounded, call, eventually, open, request};
use crate::server::Counterpart;

/// A new session is initialised and reports its revision.
pub async fn a_session_answers_and_reports_its_revision(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    assert_eq!(connector.kind(), *server.endpoint().transport());
    let session = open(connector, server).await;
    let ping = ClientRequest::PingRequest(PingRequest::default());
    let answer = session.driver().call(ping, None).await.expect("an answer");
    assert!(answer.into_result().is_ok());
    let peer = session.peer().await.expect("a peer");
    peer.list_all_tools().await.expect("an answer");
    drop(peer);
    assert_eq!(call(&session, "increment").await.expect("an answer"), "1");
    assert_eq!(call(&session, "increment").await.expect("an answer"), "2");
    assert!(!session.info().protocol_version.is_empty());
    assert!(!session.is_over());
    session.driver().close(LONG).await;
}

/// Closing a session ends it on the server, and calls on it fail afterwards.
pub async fn a_closed_session_is_closed_on_the_server(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    let session = open(connector, server).await;
    assert_eq!(server.open_sessions(), 1);
    assert_eq!(session.driver().close(LONG).await, CloseOutcome::Completed);
    eventually("the server has no session", || server.open_sessions() == 0).await;
    assert!(call(&session, "count").await.is_err());
}

/// A connect that is dropped at any time leaves nothing open on the server.
pub async fn a_connect_that_is_dropped_leaves_no_session(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    server
        .switches()
        .delay_initialize(Duration::from_millis(200));
    let request = request(server, &[]);
    for wait in [10, 100, 195, 200, 205, 300] {
        let connect = connector.connect(&request);
        let connected = timeout(Duration::from_millis(wait), connect).await;
        if let Ok(session) = connected {
            session.expect("a session").driver().close(LONG).await;
        }
    }
    eventually("every session is closed", || {
        let begun = server.requests().iter().filter(opens).count();
        begun == 6 && server.open_sessions() == 0
    })
    .await;
    // A session that was still being opened would be open by now, and is closed in time, too.
    tokio::time::sleep(Duration::from_millis(300)).await;
    eventually("every session is closed", || server.open_sessions() == 0).await;
}

/// A connect to a slow server ends by its deadline and leaves nothing open.
pub async fn a_connect_beyond_its_deadline_leaves_no_session(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    // A machine that stands still may see the answer and the end of a short delay at the same time.
    let delay = Duration::from_secs(2);
    server.switches().delay_initialize(delay);
    let connected = connect_within(connector, server, Duration::from_millis(100)).await;
    let error = connected.expect_err("the deadline has passed");
    assert_eq!(error.kind(), &FaultKind::Timeout);
    tokio::time::sleep(delay + Duration::from_millis(200)).await;
    eventually("the server has no session", || server.open_sessions() == 0).await;
}

/// A connect ends by its deadline, whichever of its requests the server never answers.
///
/// A connector may do without the answer to `GET` or `server/discover`; it must not wait for it
/// beyond the deadline. That holds for a new server and for one that the connector has connected to
/// before, since a connector may cache what it has learned about a server.
pub async fn a_connect_to_a_hanging_server_ends_by_its_deadline(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    expect_deadlines(connector, server).await;
    open(connector, server).await.driver().close(LONG).await;
    expect_deadlines(connector, server).await;
}

/// Connects while the server hangs in each method of a handshake.
async fn expect_deadlines(connector: &dyn Connector, server: &dyn Counterpart) {
    let limit = Duration::from_millis(300);
    for method in ["initialize", "GET", "server/discover"] {
        server.switches().hang(method);
        match connect_within(connector, server, limit).await {
            Ok(session) => {
                assert_ne!(method, "initialize", "no session without this answer");
                session.driver().close(LONG).await;
            }
            Err(error) => assert_eq!(error.kind(), &FaultKind::Timeout, "{method}"),
        }
        server.switches().serve();
    }
}

/// Connects by a deadline, and checks that the connector keeps it.
async fn connect_within(
    connector: &dyn Connector,
    server: &dyn Counterpart,
    limit: Duration,
) -> Result<Session, ConnectError> {
    let request = request(server, &[]).with_deadline(Instant::now() + limit);
    let (connected, took) = bounded("a connect", limit, connector.connect(&request)).await;
    if let Err(error) = &connected
        && *error.kind() == FaultKind::Timeout
    {
        assert!(took >= limit, "given up after {took:?} of {limit:?}");
    }
    connected
}

/// The calls of a session run concurrently, as many as the request has slots.
pub async fn calls_of_one_session_run_at_the_same_time(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    const CALLS: usize = 40;
    // No call is answered before all of them have reached the server.
    server.switches().gather(CALLS);
    let request = request(server, &[]).with_slots(40);
    let session = connector.connect(&request).await.expect("a session");
    let calls = (0..CALLS).map(|_| call(&session, "wait"));
    let answers = timeout(LONG, futures::future::join_all(calls)).await;
    for answer in answers.expect("the calls run concurrently") {
        answer.expect("an answer");
    }
    session.driver().close(LONG).await;
}

/// A close ends by its timeout and reports it when the server never answers the farewell.
///
/// A client that ends its session without a request waits for no answer: that close completes.
pub async fn a_hanging_close_ends_by_its_timeout(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    let session = open(connector, server).await;
    server.switches().hang("DELETE");
    // Long enough for the farewell to reach a slow server, and for a child to end.
    let limit = Duration::from_secs(2);
    let (outcome, took) = bounded("a close", limit, session.driver().close(limit)).await;
    let is_farewell = |seen: &crate::server::Seen| seen.method == "DELETE";
    if server.requests().iter().any(is_farewell) {
        assert_eq!(outcome, CloseOutcome::TimedOut);
        assert!(took >= limit, "given up after {took:?} of {limit:?}");
    } else {
        assert_eq!(outcome, CloseOutcome::Completed);
        eventually("the server has no session", || server.open_sessions() == 0).await;
    }
}

fn opens(seen: &&crate::server::Seen) -> bool {
    seen.method == "initialize"
}
