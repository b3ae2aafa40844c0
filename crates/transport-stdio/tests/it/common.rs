//! Children, pools and what is left of children.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::HeaderMap;
use mcp_pool_core::{
    AcquireRequest, PooledClient, Principal, SessionPool,
    error::{CallError, CallFailure, ConnectError},
    extend::{Answer, ConnectRequest, Connector, Session},
};
use mcp_pool_transport_stdio::{StdioCommand, StdioConnector};
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest, ServerResult};
use tokio::time::{Instant, sleep};

/// The program of all children.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-pool-stdio-child");

/// Longer than any step of a test takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Children that can be found by a variable in their environment, which their own children inherit.
#[derive(Clone, Debug)]
pub(crate) struct Marked {
    pub(crate) mark: String,
    pub(crate) connector: StdioConnector,
}

impl Marked {
    /// A connector with a command `child` that serves with these arguments.
    pub(crate) fn serving(args: &[&str]) -> Self {
        Self::of(
            StdioCommand::new(PROGRAM)
                .arg("serve")
                .args(args.iter().copied()),
        )
    }

    /// A connector with this command as `child`.
    pub(crate) fn of(command: StdioCommand) -> Self {
        let mark = mark();
        let command = command.env("MARK", mark.as_str());
        let connector = StdioConnector::new().with_command("child", command);
        Self {
            mark,
            connector: connector.expect("a command"),
        }
    }

    /// The ids of the processes that run.
    pub(crate) fn processes(&self) -> Vec<u32> {
        processes_with(&self.mark)
    }

    /// Waits until no process runs and none waits to be reaped.
    pub(crate) async fn none_left(&self) {
        eventually("no process is left", || self.processes().is_empty()).await;
        eventually("each is reaped", || self.connector.stats().processes == 0).await;
    }

    pub(crate) fn request(&self) -> ConnectRequest {
        let endpoint = StdioConnector::endpoint("child").expect("an endpoint");
        let request = ConnectRequest::detached(&endpoint, HeaderMap::new());
        request.with_deadline(Instant::now() + LONG)
    }

    pub(crate) async fn open(&self) -> Session {
        self.try_open().await.expect("a session")
    }

    pub(crate) async fn try_open(&self) -> Result<Session, ConnectError> {
        self.connector.connect(&self.request()).await
    }

    pub(crate) fn pool(&self) -> SessionPool {
        let builder = SessionPool::builder().connector(self.connector.clone());
        builder.build().expect("a pool")
    }
}

/// A mark that no other test has.
pub(crate) fn mark() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("mark-{}-{number}-end", std::process::id())
}

/// The ids of the processes with this mark in their environment.
pub(crate) fn processes_with(mark: &str) -> Vec<u32> {
    let wanted = format!("MARK={mark}");
    let entries = fs::read_dir("/proc").expect("a list of processes");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let has_mark = |id: &u32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|it| it == wanted.as_bytes())
    };
    ids.filter(has_mark).collect()
}

/// Kills a process with a signal that it cannot ignore.
pub(crate) fn kill(id: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &id.to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
}

pub(crate) fn request_of(user: &str, headers: &[(&str, &str)]) -> AcquireRequest {
    let endpoint = StdioConnector::endpoint("child").expect("an endpoint");
    AcquireRequest::new(endpoint, Principal::user(user)).with_headers(header_map(headers))
}

pub(crate) fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().expect("a name");
        map.append(name, value.parse().expect("a value"));
    }
    map
}

pub(crate) fn tool(name: &'static str, arguments: serde_json::Value) -> CallToolRequestParams {
    let params = CallToolRequestParams::new(name);
    match arguments {
        serde_json::Value::Object(arguments) => params.with_arguments(arguments),
        _ => params,
    }
}

/// Calls a tool on a session.
pub(crate) async fn call(
    session: &Session,
    name: &'static str,
    arguments: serde_json::Value,
) -> Result<String, CallFailure> {
    let request = CallToolRequest::new(tool(name, arguments));
    let request = ClientRequest::CallToolRequest(request);
    session.driver().call(request, None).await.map(text)
}

fn text(answer: Answer) -> String {
    match answer.into_result() {
        Ok(ServerResult::CallToolResult(result)) => first_text(&result),
        other => panic!("no result of a tool: {other:?}"),
    }
}

fn first_text(result: &rmcp::model::CallToolResult) -> String {
    let content = result.content.first().and_then(|content| content.as_text());
    content.map(|text| text.text.clone()).unwrap_or_default()
}

/// Calls a tool through a pool.
pub(crate) async fn call_of(
    client: &PooledClient,
    name: &'static str,
    arguments: serde_json::Value,
) -> Result<String, CallError> {
    let result = client.call_tool(tool(name, arguments)).await?;
    Ok(first_text(&result))
}

/// Waits until `holds`, for at most a minute.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while Instant::now() < deadline {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("not in time: {what}");
}
