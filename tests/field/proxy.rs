//! Several upstreams behind one handler.

use std::time::Duration;

use mcp_pool_testkit::{NotifyingServer, RawServer, Reply, server::CounterServer};
use mcp_session_pool::{
    Endpoint, PoolConfig, PooledClient, SessionPool,
    config::Lifecycle,
    error::CallError,
    proxy::{Proxy, Upstream},
    reqwest,
    rmcp::model::CallToolRequestParams,
};
use serde_json::{Value, json};

use crate::{
    common::{self, call, close, eventually, pool},
    gateway::{Gateway, Received, client_of, clients},
};

const ERAS: [Lifecycle; 2] = [Lifecycle::Legacy, Lifecycle::Stateless];

async fn tools(client: &PooledClient) -> Vec<String> {
    let tools = client.list_all_tools().await.expect("a list");
    tools
        .into_iter()
        .map(|tool| tool.name.into_owned())
        .collect()
}

async fn counted(client: &PooledClient, tool: &'static str) -> Result<u64, CallError> {
    call(client, tool).await
}

fn of_two(pool: &SessionPool, one: Endpoint, other: Endpoint) -> Proxy {
    let builder = Proxy::builder(pool.clone())
        .upstream(Upstream::new("one", one))
        .upstream(Upstream::new("two", other));
    builder.build().expect("two names")
}

#[tokio::test]
async fn tools_of_two_upstreams_are_listed_and_called_by_their_prefixed_names() {
    for lifecycle in ERAS {
        let (one, two) = (CounterServer::start(), CounterServer::start());
        let (upstreams, clients) = (pool(PoolConfig::default()), clients());
        let gateway = Gateway::start(of_two(&upstreams, one.endpoint(), two.endpoint())).await;
        let alice = client_of(&clients, gateway.endpoint(lifecycle), "alice", None).await;
        let names = tools(&alice).await;
        assert!(names.contains(&"one__increment".to_owned()), "{names:?}");
        assert!(names.contains(&"two__increment".to_owned()), "{names:?}");
        assert_eq!(
            counted(&alice, "one__increment").await.expect("a number"),
            1
        );
        assert_eq!(
            counted(&alice, "one__increment").await.expect("a number"),
            2
        );
        assert_eq!(
            counted(&alice, "two__increment").await.expect("a number"),
            1
        );
        let error = counted(&alice, "three__increment")
            .await
            .expect_err("no such upstream");
        assert!(matches!(error, CallError::Rpc(_)), "{error:?}");
        close(&clients).await;
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn two_users_have_sessions_of_their_own_and_a_conversation_ends_with_its_client() {
    let server = CounterServer::start();
    let (upstreams, clients) = (pool(PoolConfig::default()), clients());
    let proxy = Proxy::single(upstreams.clone(), server.endpoint());
    let gateway = Gateway::start(proxy).await;
    let endpoint = gateway.endpoint(Lifecycle::Legacy);
    let alice = client_of(&clients, endpoint.clone(), "alice", None).await;
    let bob = client_of(&clients, endpoint, "bob", None).await;
    assert_eq!(counted(&alice, "increment").await.expect("a number"), 1);
    assert_eq!(counted(&alice, "increment").await.expect("a number"), 2);
    assert_eq!(counted(&bob, "increment").await.expect("a number"), 1);
    assert_eq!(server.sessions_opened(), 2);
    close(&clients).await;
    eventually("the upstream sessions end", || {
        server.open_sessions().is_empty()
    })
    .await;
    close(&upstreams).await;
}

#[tokio::test]
async fn a_request_without_a_caller_is_refused() {
    let server = CounterServer::start();
    let (upstreams, clients) = (pool(PoolConfig::default()), clients());
    let gateway = Gateway::start(Proxy::single(upstreams.clone(), server.endpoint())).await;
    let endpoint = gateway.endpoint(Lifecycle::Stateless);
    let request =
        mcp_session_pool::AcquireRequest::new(endpoint, mcp_session_pool::Principal::anonymous());
    let client = clients.client(request).await.expect("a client");
    assert!(client.list_tools(None).await.is_err());
    assert_eq!(server.sessions_opened(), 0);
    close(&upstreams).await;
}

#[tokio::test]
async fn an_unreachable_upstream_takes_no_tools_of_the_others_away() {
    let server = CounterServer::start();
    let gone = CounterServer::start();
    let lost = gone.endpoint();
    drop(gone);
    let silent = RawServer::start(|_| Reply::hang());
    let (upstreams, clients) = (pool(PoolConfig::default()), clients());
    let reported = Received::default();
    let report = reported.clone();
    let proxy = Proxy::builder(upstreams.clone())
        .upstream(Upstream::new("here", server.endpoint()))
        .upstream(Upstream::new("gone", lost))
        .upstream(Upstream::new("silent", silent.endpoint(Lifecycle::Legacy)))
        // Long enough for the first upstream on a slow machine.
        .list_timeout(Duration::from_secs(3))
        .on_unavailable(move |event| report.add(event.upstream))
        .build()
        .expect("three names");
    let gateway = Gateway::start(proxy).await;
    let endpoint = gateway.endpoint(Lifecycle::Stateless);
    let alice = client_of(&clients, endpoint, "alice", None).await;
    let list = alice.list_tools(None).await.expect("a list");
    assert!(
        list.tools
            .iter()
            .all(|tool| tool.name.starts_with("here__"))
    );
    assert!(!list.tools.is_empty());
    let missing = list
        .meta
        .expect("names")
        .0
        .get("mcp-session-pool/unavailable")
        .cloned();
    assert_eq!(missing, Some(json!(["gone", "silent"])));
    let reported = reported.all();
    assert!(reported.contains(&"gone".to_owned()) && reported.contains(&"silent".to_owned()));
    assert_eq!(
        counted(&alice, "here__increment").await.expect("a number"),
        1
    );
    close(&clients).await;
}

#[tokio::test]
async fn a_call_that_its_client_gives_up_is_cancelled_upstream() {
    for lifecycle in ERAS {
        let server = CounterServer::start();
        server.switches().gather(2);
        let (upstreams, clients) = (pool(PoolConfig::default()), clients());
        let endpoint = server.endpoint().with_lifecycle(Lifecycle::Legacy);
        let gateway = Gateway::start(Proxy::single(upstreams.clone(), endpoint)).await;
        let alice = client_of(&clients, gateway.endpoint(lifecycle), "alice", None).await;
        tokio::select! {
            result = call(&alice, "wait") => panic!("nothing ends the call: {result:?}"),
            () = eventually("the call is under way", || server.count("tools/call") == 1) => {}
        }
        let cancelled = || server.count("notifications/cancelled") == 1;
        eventually("the cancellation arrives", cancelled).await;
        close(&clients).await;
    }
}

#[tokio::test]
async fn the_upstreams_own_errors_are_passed_on_and_those_of_the_pool_name_their_cause() {
    let mut server = CounterServer::start();
    let (upstreams, clients) = (pool(PoolConfig::default()), clients());
    let gateway = Gateway::start(Proxy::single(upstreams.clone(), server.endpoint())).await;
    let endpoint = gateway.endpoint(Lifecycle::Stateless);
    let alice = client_of(&clients, endpoint, "alice", None).await;
    let direct = common::client(&clients, &server, "alice").await;
    let code = |error: CallError| match error {
        CallError::Rpc(error) => error,
        other => panic!("{other:?}"),
    };
    let own = code(call(&direct, "fail").await.expect_err("it fails"));
    let passed_on = code(call(&alice, "fail").await.expect_err("it fails"));
    assert_eq!(passed_on, own);
    server.stop();
    let error = code(call(&alice, "increment").await.expect_err("it is gone"));
    let data = error.data.expect("the cause");
    assert_eq!(data["fault"], "upstream", "{data}");
    assert_eq!(data["outcome"], "not_executed", "{data}");
    assert!(!error.message.contains("127.0.0.1"), "{}", error.message);
}

/// Sends a message by hand and returns the session id and the text of the answer.
async fn post(url: &str, user: &str, session: Option<&str>, message: &Value) -> (String, String) {
    let mut request = reqwest::Client::new()
        .post(url)
        .header("accept", "application/json, text/event-stream")
        .header("x-user", user)
        .json(message);
    if let Some(session) = session {
        request = request.header("mcp-session-id", session);
    }
    let answer = request.send().await.expect("an answer");
    let id = answer.headers().get("mcp-session-id");
    let id = id.map(|id| id.to_str().expect("a text").to_owned());
    (id.unwrap_or_default(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn a_session_of_one_user_serves_no_request_of_another() {
    let server = CounterServer::start();
    let upstreams = pool(PoolConfig::default());
    let gateway = Gateway::start(Proxy::single(upstreams.clone(), server.endpoint())).await;
    let url = gateway.endpoint(Lifecycle::Legacy).url().to_string();
    let initialize = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        },
    });
    let (id, _) = post(&url, "alice", None, &initialize).await;
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    post(&url, "alice", Some(&id), &initialized).await;
    let call = json!({
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": "increment", "arguments": {} },
    });
    let (_, refused) = post(&url, "bob", Some(&id), &call).await;
    assert!(refused.contains("belongs to another caller"), "{refused}");
    assert_eq!(server.count("tools/call"), 0);
    let (_, served) = post(&url, "alice", Some(&id), &call).await;
    assert!(served.contains("result"), "{served}");
    drop(gateway);
    close(&upstreams).await;
}

#[tokio::test]
async fn progress_reaches_the_client_in_its_order() {
    for lifecycle in ERAS {
        let server = NotifyingServer::start();
        let (upstreams, clients) = (pool(PoolConfig::default()), clients());
        let proxy = of_two(&upstreams, server.endpoint(), server.endpoint());
        let gateway = Gateway::start(proxy).await;
        let alice = client_of(&clients, gateway.endpoint(lifecycle), "alice", None).await;
        let steps = Received::default();
        let sink = steps.clone();
        let alice = alice.with_progress(move |step| sink.add(step.progress.to_string()));
        alice
            .call_tool(CallToolRequestParams::new("two__work"))
            .await
            .expect("a result");
        assert_eq!(steps.all(), ["1", "2", "3"]);
        close(&clients).await;
        close(&upstreams).await;
    }
}
