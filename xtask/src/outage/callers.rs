//! The callers: fifty users, each with one call after the other.

use std::time::Duration;

use futures::future::join_all;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PooledClient, Principal, SessionPool,
    error::{CallError, Outcome},
    rmcp::model::CallToolRequestParams,
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::Result;

/// One call, as its caller saw it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) caller: usize,
    pub(super) id: String,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) outcome: Outcome,
    /// `None` for an answer that is the call's own.
    pub(super) problem: Option<String>,
}

/// Has the callers call for `length`.
pub(super) async fn call_for(
    pool: &SessionPool,
    endpoint: &Endpoint,
    length: Duration,
) -> Result<Vec<Call>> {
    let end = Instant::now() + length;
    let callers = (0..CALLERS).map(|caller| work(pool, endpoint, caller, end));
    let calls: Result<Vec<_>> = join_all(callers).await.into_iter().collect();
    Ok(calls?.into_iter().flatten().collect())
}

async fn work(
    pool: &SessionPool,
    endpoint: &Endpoint,
    caller: usize,
    end: Instant,
) -> Result<Vec<Call>> {
    let user = Principal::user(format!("user-{caller}"));
    let request = AcquireRequest::new(endpoint.clone(), user);
    let client = pool.client(request).await?;
    let mut calls = Vec::new();
    while Instant::now() < end {
        let id = format!("{caller}-{}", calls.len());
        calls.push(call(&client, caller, id).await);
        sleep(PAUSE).await;
    }
    Ok(calls)
}

async fn call(client: &PooledClient, caller: usize, id: String) -> Call {
    let arguments = json!({ "id": id }).as_object().cloned().unwrap_or_default();
    let params = CallToolRequestParams::new("record").with_arguments(arguments);
    let began = Instant::now();
    let result = client.call_tool(params).await;
    let outcome = result
        .as_ref()
        .map_or_else(CallError::outcome, |_| Outcome::Answered);
    let problem = match result {
        Ok(result) => {
            let text = result.content.first().and_then(|content| content.as_text());
            let is_own = text.is_some_and(|text| text.text == id);
            (!is_own).then(|| "another's answer".to_owned())
        }
        Err(error) => Some(format!("{error:?}")),
    };
    Call {
        caller,
        id,
        began,
        ended: Instant::now(),
        outcome,
        problem,
    }
}

pub(super) const CALLERS: usize = 50;
/// Between two calls of a caller.
const PAUSE: Duration = Duration::from_millis(10);
