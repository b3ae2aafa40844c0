//! The callers of a cell.

use std::time::Duration;

use futures::future::join_all;
use mcp_session_pool::{
    AcquireRequest, ConversationId, Endpoint, PooledClient, Principal, Scope, SessionPool,
    error::{CallError, Outcome},
    rmcp::model::{CallToolRequestParams, ReadResourceRequestParams, ResourceContents},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::kinds::{Class, ScopeKind};

/// One call, as its caller saw it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
    /// Why there is no result.
    pub(crate) error: Option<String>,
    /// True for an answer that is another call's.
    pub(crate) is_crossed: bool,
}

impl Call {
    /// The outcome that the ledger can prove or disprove: an error of the server proves nothing.
    pub(crate) fn provable(&self) -> Outcome {
        match (self.outcome, &self.error) {
            (Outcome::Answered, Some(_)) => Outcome::Unknown,
            (outcome, _) => outcome,
        }
    }
}

/// A client of a user, or of one conversation of a user.
pub(super) async fn client(
    pool: &SessionPool,
    endpoint: &Endpoint,
    scope: ScopeKind,
    user: usize,
) -> Result<PooledClient, String> {
    let principal = Principal::user(format!("user-{user}"));
    let request = AcquireRequest::new(endpoint.clone(), principal);
    let request = match scope {
        ScopeKind::Identity => request,
        ScopeKind::Conversation => {
            let conversation = ConversationId::new(format!("conversation-{user}"));
            request.with_scope(Scope::Conversation(conversation))
        }
    };
    let client = pool.client(request).await;
    client.map_err(|error| error.to_string())
}

/// Has each client make some calls at the same time, a few times.
pub(super) async fn call_all(clients: &[PooledClient], class: Class) -> Vec<Call> {
    let callers = clients.iter().enumerate().flat_map(|(user, client)| {
        let each = move |caller| work(client, class, format!("{user}-{caller}"));
        (0..CALLERS).map(each)
    });
    join_all(callers).await.into_iter().flatten().collect()
}

async fn work(client: &PooledClient, class: Class, caller: String) -> Vec<Call> {
    let mut calls = Vec::new();
    for number in 0..CALLS {
        calls.push(call(client, class, format!("{caller}-{number}")).await);
    }
    calls
}

/// Makes one call.
pub(crate) async fn call(client: &PooledClient, class: Class, id: String) -> Call {
    let began = Instant::now();
    let result = match class {
        Class::Change => change(client, &id).await,
        Class::Read => read(client, &id).await,
    };
    let ended = Instant::now();
    let outcome = result
        .as_ref()
        .map_or_else(CallError::outcome, |_| Outcome::Answered);
    Call {
        is_crossed: result.as_ref().is_ok_and(|text| *text != id),
        error: result.err().map(|error| format!("{error:?}")),
        id,
        began,
        ended,
        outcome,
    }
}

async fn change(client: &PooledClient, id: &str) -> Result<String, CallError> {
    let arguments = json!({ "id": id }).as_object().cloned().unwrap_or_default();
    let params = CallToolRequestParams::new("record").with_arguments(arguments);
    let result = client.call_tool(params).await?;
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.map(|text| text.text.clone()).unwrap_or_default())
}

async fn read(client: &PooledClient, id: &str) -> Result<String, CallError> {
    let params = ReadResourceRequestParams::new(format!("call://{id}"));
    let result = client.read_resource(params).await?;
    Ok(match result.contents.first() {
        Some(ResourceContents::TextResourceContents { text, .. }) => text.clone(),
        _ => String::new(),
    })
}

/// Calls until a call succeeds. Returns the last error if none does in time.
pub(super) async fn recover(client: &PooledClient, class: Class, id: &str) -> Option<String> {
    let end = Instant::now() + RECOVERY;
    let mut number = 0;
    loop {
        let call = call(client, class, format!("{id}-{number}")).await;
        call.error.as_ref()?;
        if Instant::now() > end {
            return call.error;
        }
        number += 1;
        sleep(Duration::from_millis(20)).await;
    }
}

/// How many callers each client has.
const CALLERS: usize = 2;
/// How many calls each caller makes.
const CALLS: usize = 3;
/// How soon the pool is usable again.
const RECOVERY: Duration = Duration::from_secs(5);
