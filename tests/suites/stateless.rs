//! Servers without sessions.

use std::time::Duration;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    PoolConfig, PooledClient, error::Outcome, rmcp::model::CallToolRequestParams,
};

use crate::common::{call, client, close, headers, number, pool, request};

#[tokio::test]
async fn a_session_id_from_a_server_without_sessions_is_ignored() {
    let server = CounterServer::start_as(Modes::default().stateless_only());
    server.switches().name_a_session("none");
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    for count in 1..=3 {
        assert_eq!(call(&client, "increment").await.expect("a count"), count);
    }
    let lease = client.acquire().await.expect("a session");
    assert!(lease.info().session.is_none());
    drop(lease);
    close(&pool).await;
    assert!(server.seen().iter().all(|seen| seen.session.is_none()));
    assert_eq!(server.count("DELETE"), 0);
}

#[tokio::test]
async fn a_client_of_a_server_without_sessions_never_expires() {
    let server = CounterServer::start_as(Modes::default().stateless_only());
    let config = PoolConfig::default()
        .with_health_check_interval(Duration::from_millis(1))
        .with_session_ttl(Duration::from_millis(50));
    let pool = pool(config);
    let client = client(&pool, &server, "alice").await;
    call(&client, "increment").await.expect("a count");
    // Long enough for the call to reach a slow server.
    let brief = client.with_timeout(Duration::from_secs(2));
    server.switches().delay_tools(Duration::from_secs(600));
    let error = call(&brief, "wait").await.expect_err("too late");
    assert_eq!(error.outcome(), Outcome::Unknown);
    server.switches().lose_reply("tools/call");
    let error = call(&client, "increment").await.expect_err("a lost reply");
    assert_eq!(error.outcome(), Outcome::Unknown);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(call(&client, "increment").await.expect("a count"), 3);
    assert_eq!(pool.stats().sessions_opened, 1);
    assert_eq!(server.count("server/discover"), 1);
    assert_eq!(server.count("tools/call"), 4);
    assert_eq!(server.seen().len(), 5, "no other request was sent");
    close(&pool).await;
}

#[tokio::test]
async fn a_list_is_never_shown_to_another_user_or_token() {
    let server = CounterServer::start_as(Modes::default().stateless_only().with_json());
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, &server, "alice").await;
    let bob = client(&pool, &server, "bob").await;
    call(&alice, "increment").await.expect("a count");
    assert_eq!(shown(&alice).await, "the count, 1 by now");
    assert_eq!(shown(&bob).await, "the count, 0 by now");
    // The same user with a new token, on the same key and session.
    let [old, new] = ["old", "new"].map(|token| {
        let headers = headers(&[
            ("x-user-id", "carol"),
            ("x-token", token),
            ("authorization", &format!("Bearer {token}")),
        ]);
        request(server.endpoint(), "carol").with_headers(headers)
    });
    let config =
        PoolConfig::default().with_identity_headers(vec!["x-user-id".parse().expect("a name")]);
    let pool = crate::common::pool(config);
    let old = pool.client(old).await.expect("a client");
    let new = pool.client(new).await.expect("a client");
    assert_eq!(old.key(), new.key());
    call(&old, "increment").await.expect("a count");
    assert_eq!(shown(&old).await, "the count, 1 by now");
    assert_eq!(shown(&new).await, "the count, 0 by now");
    assert_eq!(pool.stats().sessions_opened, 1);
    close(&pool).await;
}

/// The caller's count in the list of tools, requested through the client and through the peer.
async fn shown(client: &PooledClient) -> String {
    let tools = client.list_all_tools().await.expect("tools");
    let lease = client.acquire().await.expect("a session");
    let peer = lease.peer().await.expect("a peer");
    let by_hand = peer.list_all_tools().await.expect("tools");
    assert_eq!(tools, by_hand);
    let tool = tools.into_iter().find(|tool| tool.name == "count");
    let what = tool.and_then(|tool| tool.description);
    what.expect("the tool").into_owned()
}

#[tokio::test]
async fn a_tool_that_requires_headers_receives_them_on_the_first_call() {
    let server = CounterServer::start_as(Modes::default().stateless_only());
    let pool = pool(PoolConfig::default());
    let client = client(&pool, &server, "alice").await;
    for count in 1..=2 {
        let arguments = serde_json::json!({ "region": "here" });
        let mut params = CallToolRequestParams::new("increment_here");
        params.arguments = arguments.as_object().cloned();
        let result = client.call_tool(params).await.expect("a count");
        assert_eq!(number(&result), count);
    }
    let sent = |method: &str| server.count(method);
    assert_eq!((sent("tools/call"), sent("tools/list")), (3, 1));
    let seen = server.seen();
    let last = seen.last().expect("a request");
    assert_eq!(last.headers["mcp-param-region"], "here");
    close(&pool).await;
}
