//! What a session costs: its tasks, idle and after use.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::extend::{ClientHandlerBox, ConnectRequest, Connector, HandlerFn};
use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_pool_transport_sse::{SseConnector, reqwest};
use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{ClientCapabilities, ElicitRequestParams, ElicitResult, ElicitationAction},
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::{
    call, eventually,
    scripted::{Reply, Scripted, event, handshake, stream, tool_answer},
    text,
};

/// A handler that declines.
struct Declines;

impl ClientHandler for Declines {
    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(ElicitResult::new(ElicitationAction::Decline))
    }
}

/// A connector that keeps no idle connections, each of which is a task of the HTTP client.
fn connector() -> SseConnector {
    let builder = reqwest::Client::builder().pool_max_idle_per_host(0);
    SseConnector::from_builder(builder).expect("an http client")
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

fn echo(message: &Value) -> Reply {
    handshake(message).unwrap_or_else(|| stream(event(&tool_answer(message, "x"))))
}

#[tokio::test]
async fn an_idle_session_is_one_task_beside_its_connection() {
    let server = Scripted::start(echo);
    let connector = connector();
    let mut sessions = Vec::new();
    for _ in 0..20 {
        let session = server.connect(&connector).await;
        call(&session, "x").await.expect("an answer");
        sessions.push(session);
    }
    // The HTTP client has one task for each stream's connection.
    eventually("one reader and one connection each", || tasks() == 2 * 20).await;
    for session in &sessions {
        session.driver().close(Duration::from_secs(5)).await;
    }
    eventually("no task", || tasks() == 0).await;
}

#[tokio::test]
async fn a_session_that_is_dropped_leaves_no_task() {
    let server = Scripted::start(echo);
    let connector = connector();
    drop(server.connect(&connector).await);
    eventually("no task", || tasks() == 0).await;
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_and_leaves_no_task() {
    let server = Scripted::start(echo);
    let session = server.connect(&connector()).await;
    let ping = |number: usize| event(&json!({"jsonrpc": "2.0", "id": number, "method": "ping"}));
    let flood: String = (0..2_000).map(ping).collect();
    server.write(&flood);
    let mut most = 0;
    let answered = || {
        most = most.max(tasks());
        let posted = server.posted();
        posted
            .iter()
            .filter(|posted| posted.message["result"] == json!({}))
            .count()
            == 2_000
    };
    eventually("all pings answered", answered).await;
    assert!(most < 100, "{most} tasks at once");
    eventually("the session's own tasks", || tasks() == 2).await;
    call(&session, "x").await.expect("an answer");
    session.driver().close(Duration::from_secs(5)).await;
    eventually("no task", || tasks() == 0).await;
}

#[tokio::test]
async fn a_flood_of_pings_without_end_ends_with_the_session() {
    let server = Scripted::start(|message| match message["id"].as_str() {
        Some("p") => stream(event(
            &json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}),
        )),
        _ => echo(message),
    });
    let session = server.connect(&connector()).await;
    server.write(&event(
        &json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}),
    ));
    eventually("pings", || server.posted().len() > 100).await;
    session.driver().close(Duration::from_secs(5)).await;
    eventually("no task", || tasks() == 0).await;
}

#[tokio::test]
async fn a_handler_answers_through_a_service_that_ends_afterwards() {
    let server = CounterServer::start_as(Modes::default().over_sse());
    let handlers = HandlerFn::new("declines", |_| ClientHandlerBox::new(Declines))
        .declaring(ClientCapabilities::builder().enable_elicitation().build());
    let request = ConnectRequest::detached(&server.endpoint(), http::HeaderMap::new())
        .with_handlers(Arc::new(handlers));
    let session = connector().connect(&request).await.expect("a session");
    eventually("an idle session", || tasks() == 2).await;
    for _ in 0..3 {
        let answer = call(&session, "elicit").await.expect("an answer");
        assert!(text(&answer).contains("decline"), "{}", text(&answer));
        eventually("no service", || tasks() == 2).await;
    }
}

#[tokio::test]
async fn a_peer_is_served_until_it_is_dropped() {
    let server = Scripted::start(|message| {
        handshake(message).unwrap_or_else(|| match message["method"].as_str() {
            Some("tools/list") => {
                let id = &message["id"];
                stream(event(
                    &json!({"jsonrpc": "2.0", "id": id, "result": {"tools": []}}),
                ))
            }
            _ => Reply::default(),
        })
    });
    let session = server.connect(&connector()).await;
    let peer = session.driver().peer().await.expect("a peer");
    assert!(peer.list_all_tools().await.expect("a list").is_empty());
    assert!(tasks() > 2);
    drop(peer);
    eventually("no service", || tasks() == 2).await;
    assert_eq!(server.posted_of("initialize").len(), 1);
    assert_eq!(server.posted_of("notifications/initialized").len(), 1);
}
