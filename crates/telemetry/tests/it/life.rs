//! The run of a pool that produces every metric and every span.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use mcp_pool_core::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool,
    config::{Lifecycle, QuotaKind},
    extend::Observer,
    rmcp::model::CallToolRequestParams,
};
use mcp_pool_telemetry::TraceContext;
use mcp_pool_testkit::{ScriptedServer, server::CounterServer};
use mcp_pool_transport_streamable_http::StreamableHttpConnector;
use tokio::time::sleep;

/// Runs a pool. `collect` is called whenever gauges have a value.
pub(crate) async fn live(observer: impl Observer + 'static, collect: impl Fn()) {
    let mut server = CounterServer::start();
    let config = PoolConfig::default()
        .with_name("life")
        .with_circuit_breaker_threshold(2)
        // Every acquire of an idle session checks it.
        .with_health_check_interval(Duration::ZERO)
        .with_idle_pool_eviction(Duration::from_secs(5))
        .with_lease_overdue_after(Duration::from_millis(50))
        .with_max_sessions_per_key(1)
        .with_tool_list_ttl(Duration::from_secs(60));
    let pool = SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .observer(observer)
        .propagator(TraceContext::new())
        .build()
        .expect("a pool");
    let client = pool.client(request(server.endpoint())).await;
    let client = client.expect("a client");
    call(&client, "increment").await.expect("a miss");
    sleep(Duration::from_millis(2)).await;
    call(&client, "increment").await.expect("a check and a hit");
    call(&client, "no-such-tool").await.expect_err("an error");
    let prompt = mcp_pool_core::rmcp::model::GetPromptRequestParams::new("no-such-prompt");
    client.get_prompt(prompt).await.expect_err("no prompts");

    list_tools_and_change_them(&pool, &client).await;
    read_in_part(&pool).await;
    detect_transports(&pool, &server).await;

    let brief = request(server.endpoint()).with_timeout(BRIEF);
    let lease = pool.acquire(&request(server.endpoint())).await;
    let refused = pool.acquire(&brief).await;
    refused.expect_err("no second session and no time to wait for the first");
    collect();
    drop(lease.expect("a session"));

    wait_for_quota(&pool, &request(server.endpoint()), &brief).await;
    collect();

    server.forget_sessions();
    call(&client, "increment").await.expect("on a new session");
    server.stop();
    let hasty = pool.client(brief).await.expect("a client");
    for _ in 0..4 {
        call(&hasty, "increment").await.expect_err("no server");
    }
    collect();
    let gone = || pool.stats().pool_keys_evicted > 0;
    eventually("the key is evicted", gone).await;
    let report = pool.close(Duration::from_secs(60)).await;
    assert!(report.complete, "{report:?}");
    collect();
}

/// Lists the tools twice, and makes the server announce a change.
async fn list_tools_and_change_them(pool: &SessionPool, client: &PooledClient) {
    for _ in 0..2 {
        client.list_all_tools().await.expect("tools");
    }
    call(client, "announce").await.expect("a change");
    eventually("the change arrives", || pool.stats().list_changes > 0).await;
}

/// Has a caller wait in vain for a quota of one call, as long as the brief request does.
async fn wait_for_quota(pool: &SessionPool, request: &AcquireRequest, brief: &AcquireRequest) {
    let limits = pool.limits();
    pool.resize(limits.with_quota(QuotaKind::CallsPerPrincipal, 1))
        .expect("an open pool");
    let lease = pool.acquire(request).await.expect("the only call");
    let refused = pool.acquire(brief).await;
    refused.expect_err("the principal is at its quota");
    drop(lease);
    pool.resize(limits).expect("an open pool");
}

/// Reads a list with a tool that is none.
async fn read_in_part(pool: &SessionPool) {
    let server = ScriptedServer::start(|exchange| async move {
        match exchange.method() {
            "tools/list" => exchange.answer(r#"{"tools":[{"name":1}]}"#).await,
            _ => exchange.answer_plainly().await,
        };
    });
    let client = pool
        .client(request(server.endpoint(Lifecycle::Legacy)))
        .await;
    let tools = client.expect("a client").list_all_tools().await;
    assert!(tools.expect("a list").is_empty());
}

/// Detects the transport of a server, and of an address without a server.
async fn detect_transports(pool: &SessionPool, server: &CounterServer) {
    let no_server = "http://127.0.0.1:1/mcp";
    for (url, exists) in [(server.url().as_str(), true), (no_server, false)] {
        let endpoint = Endpoint::auto(url).expect("a url");
        let found = pool.resolve_key(&request(endpoint)).await;
        assert_eq!(found.is_ok(), exists, "{url}");
    }
}

/// The time of those who wait in vain. Others have as long as a slow machine needs.
const BRIEF: Duration = Duration::from_millis(200);

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within a minute");
}

pub(crate) fn request(endpoint: Endpoint) -> AcquireRequest {
    let mut headers = HeaderMap::new();
    let token = HeaderValue::from_static("Bearer token");
    headers.insert("authorization", token);
    AcquireRequest::new(endpoint, Principal::user("alice")).with_headers(headers)
}

async fn call(
    client: &PooledClient,
    tool: &'static str,
) -> Result<(), mcp_pool_core::error::CallError> {
    let result = client.call_tool(CallToolRequestParams::new(tool)).await;
    result.map(drop)
}
