//! How sessions begin and end.

use std::time::Duration;

use mcp_pool_core::extend::{CloseOutcome, Connector, Session};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, PingRequest, ServerResult,
};
use rmcp::service::ServiceError;
use tokio::time::Instant;

use super::{Counterpart, eventually, request};

/// A session is initialised when it is handed out, and says which revision it speaks.
pub async fn a_session_answers_and_says_what_it_speaks(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    assert_eq!(connector.kind(), *server.endpoint().transport());
    let session = open(connector, server).await;
    let ping = ClientRequest::PingRequest(PingRequest::default());
    session.peer().send_request(ping).await.expect("an answer");
    assert_eq!(call(&session, "increment").await.expect("an answer"), "1");
    assert_eq!(call(&session, "increment").await.expect("an answer"), "2");
    assert!(!session.info().protocol_version.is_empty());
    assert!(!session.is_over());
    session.driver().close(LONG).await;
}

/// Closing says farewell, and the client is of no use afterwards.
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

/// Whoever stops waiting for a connect leaves nothing open on the server.
pub async fn a_connect_that_is_dropped_leaves_no_session(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    server
        .switches()
        .delay_initialize(Duration::from_millis(200));
    let request = request(server, &[]);
    for patience in [10, 100, 195, 200, 205, 300] {
        let connect = connector.connect(&request);
        let waited = tokio::time::timeout(Duration::from_millis(patience), connect).await;
        if let Ok(session) = waited {
            session.expect("a session").driver().close(LONG).await;
        }
    }
    eventually("every session is closed", || {
        let asked = server.requests().iter().filter(opens).count();
        asked == 6 && server.open_sessions() == 0
    })
    .await;
    // Whatever was still being opened has had the time to turn up.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.open_sessions(), 0);
}

/// A connect ends by its deadline and leaves nothing open.
pub async fn a_connect_beyond_its_deadline_leaves_no_session(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    server
        .switches()
        .delay_initialize(Duration::from_millis(300));
    let deadline = Instant::now() + Duration::from_millis(100);
    let request = request(server, &[]).with_deadline(deadline);
    let error = connector
        .connect(&request)
        .await
        .expect_err("it is too late");
    assert_eq!(error.kind(), &mcp_pool_core::error::FaultKind::Timeout);
    tokio::time::sleep(Duration::from_millis(500)).await;
    eventually("the server has no session", || server.open_sessions() == 0).await;
}

/// As many calls run at the same time as the request asked for.
pub async fn calls_of_one_session_run_at_the_same_time(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    const CALLS: u32 = 40;
    let pause = Duration::from_millis(200);
    server.switches().delay_tools(pause);
    let request = request(server, &[]).with_slots(CALLS);
    let session = connector.connect(&request).await.expect("a session");
    let began = Instant::now();
    let calls = (0..CALLS).map(|_| call(&session, "wait"));
    for answer in futures::future::join_all(calls).await {
        answer.expect("an answer");
    }
    // One after the other would take forty pauses.
    assert!(began.elapsed() < pause * CALLS / 4, "{:?}", began.elapsed());
    session.driver().close(LONG).await;
}

/// A server that does not answer the farewell holds nobody up for longer than asked.
pub async fn a_hanging_farewell_is_bounded(
    connector: &dyn Connector,
    server: &mut dyn Counterpart,
) {
    let session = open(connector, server).await;
    server.switches().hang("DELETE");
    let began = Instant::now();
    session.driver().close(Duration::from_millis(200)).await;
    assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
}

/// A session without headers.
pub(super) async fn open(connector: &dyn Connector, server: &dyn Counterpart) -> Session {
    let request = request(server, &[]);
    connector.connect(&request).await.expect("a session")
}

/// Calls a tool and returns the text of its answer.
pub(super) async fn call(session: &Session, tool: &'static str) -> Result<String, ServiceError> {
    let request = CallToolRequest::new(CallToolRequestParams::new(tool));
    let request = ClientRequest::CallToolRequest(request);
    match session.peer().send_request(request).await? {
        ServerResult::CallToolResult(result) => Ok(text(&result)),
        _ => Err(ServiceError::UnexpectedResponse),
    }
}

fn text(result: &rmcp::model::CallToolResult) -> String {
    let content = result.content.first().and_then(|content| content.as_text());
    content.map(|text| text.text.clone()).unwrap_or_default()
}

fn opens(seen: &&crate::server::Seen) -> bool {
    seen.method == "initialize"
}

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(10);
