//! Helpers of the promises.

use std::{task::Poll, time::Duration};

use mcp_pool_core::{
    error::{CallFailure, FaultKind, Outcome},
    extend::{ConnectRequest, Connector, Session},
};
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest, ServerResult};
use tokio::time::{Instant, sleep};

use crate::server::Counterpart;

/// A request with these headers.
pub(super) fn request(server: &dyn Counterpart, headers: &[(&str, &str)]) -> ConnectRequest {
    ConnectRequest::detached(&server.endpoint(), header_map(headers))
}

pub(super) fn header_map(headers: &[(&str, &str)]) -> http::HeaderMap {
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().expect("a header name");
        map.append(name, value.parse().expect("a header value"));
    }
    map
}

/// A session without headers.
pub(super) async fn open(connector: &dyn Connector, server: &dyn Counterpart) -> Session {
    let request = request(server, &[]);
    connector.connect(&request).await.expect("a session")
}

/// Calls a tool and returns the text of its answer.
pub(super) async fn call(session: &Session, tool: &'static str) -> Result<String, CallFailure> {
    let request = CallToolRequest::new(CallToolRequestParams::new(tool));
    let request = ClientRequest::CallToolRequest(request);
    let answer = session.driver().call(request, None).await?;
    match answer.into_result() {
        Ok(ServerResult::CallToolResult(result)) => Ok(text(&result)),
        _ => Err(CallFailure::new(Outcome::Answered, FaultKind::Protocol)),
    }
}

fn text(result: &rmcp::model::CallToolResult) -> String {
    let content = result.content.first().and_then(|content| content.as_text());
    content.map(|text| text.text.clone()).unwrap_or_default()
}

/// The output of `work` and the time it took, if it ends within a few times `limit`.
///
/// The bound is a number of turns of the same runtime, [`TURN`] apart, not a time: however long a
/// machine stands still, that is one turn, and `work` is polled first after it.
///
/// # Panics
/// When `work` is still running after the turns of [`SLACK`] times `limit`.
pub(super) async fn bounded<T>(
    what: &str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> (T, Duration) {
    let began = Instant::now();
    let turns = async {
        for _ in 0..(limit * SLACK).as_millis() / TURN.as_millis() {
            sleep(TURN).await;
        }
    };
    tokio::select! {
        biased;
        output = work => (output, began.elapsed()),
        () = turns => panic!("{what}: not within {SLACK} times {limit:?}"),
    }
}

/// Waits until `holds`, for at most a minute.
pub(super) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        sleep(TURN).await;
    }
    panic!("not within a minute: {what}");
}

/// Polls `work` at most so many times, and drops it.
pub(super) async fn poll_times<T>(polls: usize, work: impl Future<Output = T>) {
    let mut work = std::pin::pin!(work);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        let is_over = left == 0 || work.as_mut().poll(cx).is_ready();
        left = left.saturating_sub(1);
        match is_over {
            true => Poll::Ready(()),
            false => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await;
}

/// The words of the values of headers that are long enough for a secret.
pub(super) fn secrets(headers: &http::HeaderMap) -> Vec<String> {
    let values = headers.values().filter_map(|value| value.to_str().ok());
    let words = values.flat_map(|value| value.split([' ', '.', ';', '=']));
    let secrets = words.filter(|word| word.len() >= SECRET);
    secrets.map(str::to_owned).collect()
}

/// Longer than any step of a promise takes.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// The length from which on a word of a header counts as a secret.
const SECRET: usize = 12;

/// How many times its limit a bounded step may take.
const SLACK: u32 = 10;

/// The time between two looks.
const TURN: Duration = Duration::from_millis(10);
