//! A server that goes over to another transport at the same address.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, Method, StatusCode, header};
use mcp_pool_testkit::{Exchange, Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    AcquireRequest, Endpoint, PooledClient, Principal, SessionPool, config::Lifecycle,
};
use serde_json::{Value, json};

/// A server at one address, over one of the two transports at a time.
pub(crate) struct MovingServer {
    pub(crate) scripted: ScriptedServer,
    is_over_sse: Arc<AtomicBool>,
    listening: Arc<Mutex<Vec<Exchange>>>,
}

impl MovingServer {
    pub(crate) fn start() -> Self {
        let is_over_sse = Arc::<AtomicBool>::default();
        let listening = Arc::<Mutex<Vec<Exchange>>>::default();
        let (current, open) = (Arc::clone(&is_over_sse), Arc::clone(&listening));
        let scripted = ScriptedServer::start_behind(
            move |request| front(request, current.load(Ordering::SeqCst)),
            move |exchange| {
                let open = Arc::clone(&open);
                async move { answer(exchange, &open).await }
            },
        );
        Self {
            scripted,
            is_over_sse,
            listening,
        }
    }

    pub(crate) fn endpoint(&self, lifecycle: Lifecycle) -> Endpoint {
        let endpoint = Endpoint::auto(&format!("{}/mcp", self.scripted.origin()));
        endpoint.expect("a url").with_lifecycle(lifecycle)
    }

    pub(crate) async fn client(&self, pool: &SessionPool, lifecycle: Lifecycle) -> PooledClient {
        let request = AcquireRequest::new(self.endpoint(lifecycle), Principal::user("alice"));
        pool.client(request).await.expect("a client")
    }

    /// Goes over to the other transport, and ends what it has over this one.
    pub(crate) fn go_over(&self) {
        self.is_over_sse.fetch_xor(true, Ordering::SeqCst);
        self.scripted.end_streams();
        lock(&self.listening).clear();
    }

    /// Reports changes of the resource until the future has come to its end.
    pub(crate) async fn changing<T>(&self, until: impl Future<Output = T>) -> T {
        let change = async {
            loop {
                self.scripted.broadcast(&changed(None)).await;
                let listening = lock(&self.listening).clone();
                for exchange in listening {
                    let id = exchange.message()["id"].clone();
                    exchange.send(&changed(Some(&id))).await;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            done = until => done,
            () = change => unreachable!("it does not end"),
        }
    }
}

/// Lets those requests pass that belong to the transport of the moment.
fn front(request: &HttpRequest, is_over_sse: bool) -> Front {
    let is_streamable = request.path == "/mcp";
    match (is_streamable, is_over_sse) {
        (true, false) | (false, true) => Front::Pass(HeaderMap::new()),
        (true, true) if request.method == Method::GET => {
            let to = header::HeaderValue::from_static("/sse");
            let headers = HeaderMap::from_iter([(header::LOCATION, to)]);
            Front::Respond(StatusCode::TEMPORARY_REDIRECT, headers)
        }
        _ => Front::Respond(StatusCode::NOT_FOUND, HeaderMap::new()),
    }
}

async fn answer(exchange: Exchange, listening: &Mutex<Vec<Exchange>>) {
    if exchange.method() != "subscriptions/listen" {
        exchange.answer_plainly().await;
        return;
    }
    let message = exchange.message();
    let params = json!({
        "notifications": message["params"]["notifications"],
        "_meta": { "io.modelcontextprotocol/subscriptionId": message["id"] },
    });
    let method = "notifications/subscriptions/acknowledged";
    let acknowledged = json!({ "jsonrpc": "2.0", "method": method, "params": params });
    exchange.send(&acknowledged.to_string()).await;
    lock(listening).push(exchange);
}

fn changed(subscription: Option<&Value>) -> String {
    let mut params = json!({ "uri": "test://a" });
    if let Some(id) = subscription {
        params["_meta"] = json!({ "io.modelcontextprotocol/subscriptionId": id });
    }
    let method = "notifications/resources/updated";
    json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
