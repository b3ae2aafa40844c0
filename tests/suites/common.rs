//! Helpers of the suites.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use mcp_pool_testkit::conformance::Counterpart;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolBuilder, PoolConfig, PooledClient, Principal, SessionPool,
    StreamableHttpConnector,
    error::CallError,
    extend::Connector,
    rmcp::model::{CallToolRequestParams, CallToolResult},
};

/// A pool over Streamable HTTP with this configuration.
pub(crate) fn pool(config: PoolConfig) -> SessionPool {
    builder(config).build().expect("a valid configuration")
}

/// A builder of a pool over Streamable HTTP.
pub(crate) fn builder(config: PoolConfig) -> PoolBuilder {
    SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new().expect("an http client"))
}

/// A pool over another connector.
pub(crate) fn pool_over(connector: impl Connector + 'static, config: PoolConfig) -> SessionPool {
    SessionPool::builder()
        .config(config)
        .connector(connector)
        .build()
        .expect("a valid configuration")
}

pub(crate) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().expect("a name");
        map.append(name, value.parse().expect("a value"));
    }
    map
}

/// A request of a user with a token of the same name.
pub(crate) fn request(endpoint: Endpoint, user: &str) -> AcquireRequest {
    let token = format!("Bearer {user}-token");
    AcquireRequest::new(endpoint, Principal::user(user))
        .with_headers(headers(&[("authorization", &token)]))
}

pub(crate) async fn client(
    pool: &SessionPool,
    server: &dyn Counterpart,
    user: &str,
) -> PooledClient {
    pool.client(request(server.endpoint(), user))
        .await
        .expect("a client")
}

/// Calls a tool without arguments and returns the number in its answer.
pub(crate) async fn call(client: &PooledClient, tool: &'static str) -> Result<u64, CallError> {
    let result = client.call_tool(CallToolRequestParams::new(tool)).await?;
    Ok(number(&result))
}

/// The number in the answer of a tool.
pub(crate) fn number(result: &CallToolResult) -> u64 {
    let text = result.content.first().and_then(|content| content.as_text());
    text.and_then(|text| text.text.parse().ok())
        .expect("a number")
}

/// Waits until `holds`, for at most a minute of the runtime's clock, which may be paused.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within a minute: {what}");
}

/// The turns of the runtime, a hundredth of a second apart, for which this is the time: however long a
/// machine stands still, that is one of them.
pub(crate) async fn turns_within(time: Duration) {
    let turn = Duration::from_millis(10);
    for _ in 0..time.as_millis() / turn.as_millis() {
        tokio::time::sleep(turn).await;
    }
}

/// Lets the HTTP client notice that a stopped server has closed its connections.
///
/// A request written to a closed connection that the client has not noticed has an unknown outcome.
/// Noticing takes turns of the runtime, each for up to a thousand connections, and no time: so this
/// sleeps often and briefly.
pub(crate) async fn notice_the_cut() {
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Closes a pool and checks that no session is left.
pub(crate) async fn close(pool: &SessionPool) {
    let report = pool.close(Duration::from_secs(60)).await;
    assert!(report.complete, "{report:?}");
    assert_eq!(report.forced, 0, "{report:?}");
    assert_eq!(pool.stats().total_sessions, 0);
}
