//! The users of a job, and their calls.

use futures::future::join_all;
use http::{HeaderMap, header::AUTHORIZATION};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, Principal, SessionPool, SseConnector,
    StreamableHttpConnector,
    error::CallError,
    extend::ServerMessages,
    rmcp::model::{CallToolRequestParams, CallToolResult},
};
use tokio::time::Duration;

use super::super::rows::{Call, Row};
use crate::Result;

/// One of the users.
pub(super) struct User {
    number: usize,
    client: PooledClient,
}

/// A pool of both transports, whose clients listen with `handlers`.
pub(super) fn pool(handlers: Option<ServerMessages>) -> Result<SessionPool> {
    let config = PoolConfig::default().with_call_timeout(CALL_TIMEOUT);
    let builder = SessionPool::builder()
        .config(config)
        .connector(StreamableHttpConnector::new()?)
        .connector(SseConnector::new()?);
    let builder = match handlers {
        Some(handlers) => builder.handlers(handlers),
        None => builder,
    };
    Ok(builder.build()?)
}

pub(super) async fn users(row: &Row, pool: &SessionPool, endpoint: &Endpoint) -> Result<Vec<User>> {
    let users = (0..USERS).map(|number| async move {
        let request = request(row, endpoint.clone(), number)?;
        let client = pool.client(request).await?;
        Ok(User { number, client })
    });
    join_all(users).await.into_iter().collect()
}

pub(super) fn request(row: &Row, endpoint: Endpoint, user: usize) -> Result<AcquireRequest> {
    let mut headers = HeaderMap::new();
    let authorization = match row.authorization {
        Some(authorization) => authorization.to_owned(),
        None => format!("Bearer user-{user}"),
    };
    headers.insert(AUTHORIZATION, authorization.parse()?);
    let request = AcquireRequest::new(endpoint, Principal::user(format!("user-{user}")));
    Ok(request.with_headers(headers))
}

impl User {
    /// Checks that the server lists the tools of the row.
    pub(super) async fn list_tools(&self, row: &Row) -> Result {
        let tools = self.client.list_all_tools().await?;
        for call in row.calls {
            let is_there = tools.iter().any(|tool| tool.name == call.tool());
            must(is_there, &format!("it has no tool `{}`", call.tool()))?;
        }
        Ok(())
    }

    /// The calls of one half, one after the other.
    pub(super) async fn work(&self, row: &Row) -> Result {
        for number in 0..CALLS_EACH {
            self.call(row, number).await?;
        }
        Ok(())
    }

    /// A call whose answer is checked.
    pub(super) async fn call(&self, row: &Row, number: usize) -> Result {
        let answer = self.answer(row, number).await?;
        self.check(row, number, &answer)
    }

    /// The text that the server answers.
    pub(super) async fn answer(
        &self,
        row: &Row,
        number: usize,
    ) -> std::result::Result<String, CallError> {
        let call = row.calls[number % row.calls.len()];
        let params = CallToolRequestParams::new(call.tool());
        let params = match call {
            Call::Echo => {
                let arguments = serde_json::json!({ "message": self.message(number) });
                params.with_arguments(arguments.as_object().cloned().unwrap_or_default())
            }
            Call::Increment => params,
            Call::Named { arguments, .. } => {
                let arguments = arguments(&self.message(number));
                params.with_arguments(arguments.as_object().cloned().unwrap_or_default())
            }
            Call::List(tool) => {
                let tools = self.client.list_all_tools().await?;
                let found = tools.into_iter().find(|listed| listed.name == tool);
                return Ok(found
                    .map(|found| found.name.into_owned())
                    .unwrap_or_default());
            }
        };
        Ok(text(&self.client.call_tool(params).await?))
    }

    /// # Errors
    /// When the answer is not that of this call.
    pub(super) fn check(&self, row: &Row, number: usize, answer: &str) -> Result {
        let kinds = row.calls.len();
        let message = self.message(number);
        let right = match row.calls[number % kinds] {
            Call::Echo | Call::Named { .. } => answer.contains(&message),
            Call::Increment => answer == (number / kinds + 1).to_string(),
            Call::List(tool) => answer == tool,
        };
        must(right, &format!("{message}: the answer was {answer:?}"))
    }

    pub(super) async fn revision(&self) -> Result<String> {
        let lease = self.client.acquire().await?;
        Ok(lease.info().protocol_version.to_string())
    }

    /// The message of a call. None contains another one.
    fn message(&self, number: usize) -> String {
        format!("[user {} call {number}]", self.number)
    }
}

fn text(result: &CallToolResult) -> String {
    let content = result.content.first().and_then(|content| content.as_text());
    content.map(|text| text.text.clone()).unwrap_or_default()
}

/// # Errors
/// With `otherwise`, when `holds` is false.
pub(in super::super) fn must(holds: bool, otherwise: &str) -> Result {
    match holds {
        true => Ok(()),
        false => Err(format!("not so: {otherwise}").into()),
    }
}

pub(super) const USERS: usize = 5;
/// In each half.
pub(super) const CALLS_EACH: usize = 20;
/// A thousand calls through a bridge take their time on a busy machine.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The time within which nothing waits for a dead server.
pub(super) const AT_ONCE: Duration = Duration::from_secs(10);
