//! The progress of a call is delivered in order, and before the answer of the call.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    PoolConfig, PooledClient, SessionPool,
    rmcp::model::{CallToolRequestParams, ProgressNotificationParam, ServerNotification},
};
use serde_json::json;

use crate::{
    closures::Closures,
    common::close,
    over::{Over, builder, pool},
};

/// Writes two notifications of progress and the answer on the stream that belongs to no call.
async fn progress_then_answer_elsewhere(exchange: Exchange) {
    if exchange.method() != "tools/call" {
        exchange.answer_plainly().await;
        return;
    }
    for step in 1..=2 {
        exchange.send_standalone(&progress(&exchange, step)).await;
    }
    let result = exchange.plain_result().expect("a request");
    exchange.send_standalone(&exchange.result(&result)).await;
}

fn progress(exchange: &Exchange, step: u32) -> String {
    let params = format!(
        r#"{{"progressToken":{},"progress":{step},"message":{}}}"#,
        exchange.token(),
        exchange.argument("label")
    );
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#)
}

/// Writes two notifications of progress and the answer in one piece.
async fn progress_then_answer(exchange: Exchange) {
    if exchange.method() != "tools/call" {
        exchange.answer_plainly().await;
        return;
    }
    let mut events = String::new();
    for step in 1..=2 {
        events += &event(&progress(&exchange, step));
    }
    let result = exchange.plain_result().expect("a request");
    events += &event(&exchange.result(&result));
    exchange.send_bytes(events).await;
}

fn event(text: &str) -> String {
    format!("data: {text}\n\n")
}

fn labelled(label: &str) -> CallToolRequestParams {
    let arguments = json!({ "label": label });
    let arguments = arguments.as_object().cloned().expect("an object");
    CallToolRequestParams::new("work").with_arguments(arguments)
}

/// The progress by label, in the order in which it was delivered.
#[derive(Clone, Default)]
struct Delivered(Arc<Mutex<HashMap<String, Vec<f64>>>>);

impl Delivered {
    fn note(&self, progress: &ProgressNotificationParam) {
        let label = progress.message.clone().unwrap_or_default();
        let mut delivered = self.0.lock().expect("delivered");
        delivered.entry(label).or_default().push(progress.progress);
    }

    /// What has been delivered of the progress with this label.
    fn take(&self, label: &str) -> Vec<f64> {
        let mut delivered = self.0.lock().expect("delivered");
        delivered.remove(label).unwrap_or_default()
    }
}

/// Makes calls, eight at the same time, and checks at each answer what was delivered before.
async fn check_calls(calls: usize, delivered: &Delivered, client: &PooledClient) {
    let calls = (0..calls).map(|number| async move {
        let label = number.to_string();
        let answer = client.call_tool(labelled(&label)).await;
        let before = delivered.take(&label);
        answer.expect("an answer");
        assert_eq!(before, [1.0, 2.0], "call {number}");
    });
    futures::stream::iter(calls)
        .buffer_unordered(8)
        .collect::<Vec<()>>()
        .await;
}

async fn with_sinks(calls: usize) {
    for over in Over::ALL {
        let server = ScriptedServer::start(progress_then_answer);
        let pool = pool();
        let client = pool.client(over.request(&server, "alice")).await;
        let delivered = Delivered::default();
        let into = delivered.clone();
        let client = client.expect("a client");
        let client = client.with_progress(move |progress| into.note(&progress));
        check_calls(calls, &delivered, &client).await;
        close(&pool).await;
    }
}

/// A pool whose handler notes progress, and what it has noted.
fn noting_pool() -> (SessionPool, Delivered) {
    let delivered = Delivered::default();
    let into = delivered.clone();
    let handlers = Closures::default().on_notification(move |notification, _context| {
        let into = into.clone();
        async move {
            // Others would overtake it here if they could.
            tokio::task::yield_now().await;
            if let ServerNotification::ProgressNotification(progress) = notification {
                into.note(&progress.params);
            }
        }
    });
    let pool = builder(PoolConfig::default()).handlers(handlers).build();
    (pool.expect("a pool"), delivered)
}

async fn with_handlers(calls: usize) {
    for over in Over::ALL {
        let server = ScriptedServer::start(progress_then_answer);
        let (pool, delivered) = noting_pool();
        let client = pool.client(over.request(&server, "alice")).await;
        let client = client.expect("a client");
        check_calls(calls, &delivered, &client).await;
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_sink_gets_all_progress_in_order_and_before_the_answer() {
    with_sinks(2_500).await;
}

#[tokio::test]
async fn a_handler_gets_all_progress_in_order_and_before_the_answer() {
    with_handlers(2_500).await;
}

#[tokio::test]
async fn progress_is_before_an_answer_on_the_stream_that_belongs_to_no_call() {
    let server = ScriptedServer::start(progress_then_answer_elsewhere);
    let (pool, delivered) = noting_pool();
    let client = pool
        .client(Over::LegacyHttp.request(&server, "alice"))
        .await;
    let client = client.expect("a client");
    check_calls(200, &delivered, &client).await;
    close(&pool).await;
}
