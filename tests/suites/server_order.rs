//! Notifications reach the handler one at a time and in their order.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    PoolConfig,
    rmcp::model::{CustomNotification, ServerNotification},
};
use serde_json::json;

use crate::{
    closures::Closures,
    common::{call, close, eventually},
    over::{Over, builder},
};

/// The numbers that a handler got, by the stream that they came on.
#[derive(Clone, Default)]
struct Received {
    by_stream: Arc<Mutex<BTreeMap<String, Vec<u64>>>>,
    is_busy: Arc<AtomicBool>,
    overlapped: Arc<AtomicBool>,
}

impl Received {
    async fn handle(self, notification: ServerNotification) {
        if self.is_busy.swap(true, Ordering::SeqCst) {
            self.overlapped.store(true, Ordering::SeqCst);
        }
        // Others would overtake it here if they could.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        if let ServerNotification::CustomNotification(CustomNotification {
            params: Some(params),
            ..
        }) = notification
        {
            let stream = params["stream"].as_str().expect("a stream").to_owned();
            let number = params["number"].as_u64().expect("a number");
            let mut by_stream = self.by_stream.lock().expect("received");
            by_stream.entry(stream).or_default().push(number);
        }
        self.is_busy.store(false, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        let by_stream = self.by_stream.lock().expect("received");
        by_stream.values().map(Vec::len).sum()
    }
}

fn numbered(stream: &str, number: u64) -> String {
    let params = json!({ "stream": stream, "number": number });
    json!({ "jsonrpc": "2.0", "method": "notifications/numbered", "params": params }).to_string()
}

/// Sends numbers on the call's stream, and on the standalone one where there is one.
async fn send_numbers(exchange: Exchange) {
    if exchange.method() == "tools/call" {
        for number in 0..EACH {
            exchange.send(&numbered("call", number)).await;
            if exchange.has_standalone() {
                exchange
                    .send_standalone(&numbered("standalone", number))
                    .await;
            }
        }
    }
    exchange.answer_plainly().await;
}

#[tokio::test]
async fn notifications_reach_the_handler_in_order_and_one_at_a_time_on_whatever_stream() {
    for over in Over::ALL {
        let server = ScriptedServer::start(send_numbers);
        let received = Received::default();
        let into = received.clone();
        let handlers = Closures::default()
            .on_notification(move |notification, _context| into.clone().handle(notification));
        // None is dropped, however long the machine stands still.
        let config = PoolConfig::default().with_max_server_notifications_per_session(ALL);
        let pool = builder(config).handlers(handlers).build();
        let pool = pool.expect("a pool");
        let client = pool.client(over.request(&server, "alice")).await;
        let client = client.expect("a client");
        drop(client.acquire().await.expect("a session"));
        let streams = if over == Over::StatelessHttp { 1 } else { 2 };
        eventually("the stream is open", || {
            server.open_streams() == streams - 1
        })
        .await;
        call(&client, "numbers").await.expect("an answer");
        let all = usize::try_from(EACH).expect("few") * streams;
        eventually("every notification is delivered", || {
            received.count() == all
        })
        .await;
        for (stream, numbers) in received.by_stream.lock().expect("received").iter() {
            let sent: Vec<u64> = (0..EACH).collect();
            assert_eq!(*numbers, sent, "{over:?} {stream}");
        }
        assert!(!received.overlapped.load(Ordering::SeqCst), "one at a time");
        close(&pool).await;
    }
}

/// More than wait in any queue of a stream.
const EACH: u64 = 600;
/// Those of all streams.
const ALL: usize = 1_200;
