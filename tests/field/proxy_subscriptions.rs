//! Subscriptions, log levels and tasks of a proxy's clients, at upstreams of either era.
#![expect(deprecated, reason = "servers with sessions do log")]

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, StatusCode};
use mcp_pool_testkit::{Exchange, Front, HttpRequest, ScriptedServer};
use mcp_session_pool::{
    PoolConfig, PoolKey, PooledClient, SessionPool,
    client::{ResourceUpdate, ResourceUpdates},
    config::Lifecycle,
    error::CallError,
    extend::{ClientHandlerBox, HandlerFn, NoopHandlers, ServerMessages},
    proxy::{Proxy, Upstream},
    rmcp::model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientCapabilities,
        GetTaskParams, LoggingLevel, UpdateTaskParams,
    },
};
use serde_json::{Value, json};

use crate::{
    common::{close, eventually, pool},
    gateway::{Gateway, client_of, clients},
};

pub(crate) const ERAS: [Lifecycle; 2] = [Lifecycle::Legacy, Lifecycle::Stateless];

/// An upstream with resources and tasks.
pub(crate) struct Server {
    pub(crate) scripted: ScriptedServer,
    listening: Arc<Mutex<Vec<Exchange>>>,
    serves: Arc<Mutex<Serves>>,
    /// The ids of sessions that it does not know any more.
    forgotten: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy)]
enum Serves {
    Both,
    Only(Lifecycle),
    /// It is away.
    Neither,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listening = Arc::<Mutex<Vec<Exchange>>>::default();
        let serves = Arc::new(Mutex::new(Serves::Both));
        let forgotten = Arc::<Mutex<Vec<String>>>::default();
        let (open, eras) = (Arc::clone(&listening), Arc::clone(&serves));
        let gone = Arc::clone(&forgotten);
        let scripted = ScriptedServer::start_behind(
            move |request| match session_of(request) {
                Some(id) if lock(&gone).contains(&id) => {
                    Front::Respond(StatusCode::NOT_FOUND, HeaderMap::new())
                }
                _ => front(request, *lock(&eras)),
            },
            move |exchange| {
                let open = Arc::clone(&open);
                async move { answer(exchange, &open).await }
            },
        );
        Self {
            scripted,
            listening,
            serves,
            forgotten,
        }
    }

    /// Serves this era alone from now on, and ends what it has of the other one.
    pub(crate) fn become_of(&self, era: Lifecycle) {
        *lock(&self.serves) = Serves::Only(era);
        self.scripted.end_streams();
        self.cut();
    }

    /// Refuses every request from now on, and ends what it has.
    pub(crate) fn go_away(&self) {
        *lock(&self.serves) = Serves::Neither;
        self.scripted.end_streams();
        self.cut();
    }

    /// Forgets every session that it has.
    pub(crate) fn forget_sessions(&self) {
        let requests = self.scripted.requests();
        lock(&self.forgotten).extend(requests.iter().filter_map(session_of));
    }

    /// Reports a change of a resource to every client.
    async fn change(&self, uri: &str) {
        let params = json!({ "uri": uri });
        self.notify("notifications/resources/updated", params).await;
    }

    /// Reports a change of the list of tools to every client.
    pub(crate) async fn change_tools(&self) {
        let method = "notifications/tools/list_changed";
        self.notify(method, json!({})).await;
    }

    async fn notify(&self, method: &str, mut params: Value) {
        let text = |params: &Value| {
            json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
        };
        self.scripted.broadcast(&text(&params)).await;
        let open = lock(&self.listening).clone();
        for exchange in open {
            let id = exchange.message()["id"].clone();
            params["_meta"] = json!({ "io.modelcontextprotocol/subscriptionId": id });
            exchange.send(&text(&params)).await;
        }
    }

    /// The subscriptions without a session.
    pub(crate) fn subscriptions(&self) -> usize {
        lock(&self.listening).len()
    }

    /// Breaks every subscription without a session.
    fn cut(&self) {
        lock(&self.listening).clear();
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.scripted.count(method)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn session_of(request: &HttpRequest) -> Option<String> {
    request.header("mcp-session-id")
}

/// Lets those requests pass that belong to the era.
fn front(request: &HttpRequest, serves: Serves) -> Front {
    let is_of_session = session_of(request).is_some();
    let is_legacy = is_of_session || request.name() == "initialize";
    let refusal = match serves {
        Serves::Only(Lifecycle::Stateless) if is_of_session => StatusCode::NOT_FOUND,
        Serves::Only(Lifecycle::Stateless) if is_legacy => StatusCode::BAD_REQUEST,
        Serves::Only(Lifecycle::Legacy) if !is_legacy => StatusCode::BAD_REQUEST,
        Serves::Neither => StatusCode::SERVICE_UNAVAILABLE,
        _ => return Front::Pass(HeaderMap::new()),
    };
    Front::Respond(refusal, HeaderMap::new())
}

async fn answer(exchange: Exchange, open: &Mutex<Vec<Exchange>>) {
    let task = json!({
        "resultType": "task",
        "taskId": "t__1",
        "status": "working",
        "createdAt": "2026-01-01T00:00:00Z",
        "lastUpdatedAt": "2026-01-01T00:00:00Z",
        "ttlMs": null,
    });
    let answered = match exchange.method() {
        "subscriptions/listen" => {
            let id = &exchange.message()["id"];
            let accepted = &exchange.message()["params"]["notifications"];
            let params = json!({
                "notifications": accepted,
                "_meta": { "io.modelcontextprotocol/subscriptionId": id },
            });
            let method = "notifications/subscriptions/acknowledged";
            let text = json!({ "jsonrpc": "2.0", "method": method, "params": params });
            exchange.send(&text.to_string()).await;
            lock(open).push(exchange);
            return;
        }
        "tools/call" if exchange.tool() == "begin" => task,
        "tasks/get" => {
            let mut state = task;
            state["resultType"] = json!("complete");
            state
        }
        "tasks/cancel" | "tasks/update" => json!({ "resultType": "complete" }),
        "resources/subscribe" | "resources/unsubscribe" => json!({}),
        "initialize" | "server/discover" => {
            let plain = exchange.plain_result().unwrap_or_default();
            let mut result: Value = serde_json::from_str(&plain).expect("JSON");
            let capabilities = &mut result["capabilities"];
            capabilities["resources"] = json!({ "subscribe": true });
            capabilities["extensions"] = json!({ "io.modelcontextprotocol/tasks": {} });
            result
        }
        _ => {
            exchange.answer_plainly().await;
            return;
        }
    };
    exchange.answer(&answered.to_string()).await;
}

pub(crate) fn before(upstreams: &SessionPool, server: &Server, era: Lifecycle) -> Proxy {
    let endpoint = server.scripted.endpoint(era);
    let builder = Proxy::builder(upstreams.clone()).upstream(Upstream::new("one", endpoint));
    builder.build().expect("a proxy")
}

async fn next(updates: &mut ResourceUpdates) -> ResourceUpdate {
    let next = tokio::time::timeout(Duration::from_secs(60), updates.next()).await;
    next.expect("in time").expect("no error").expect("no end")
}

fn is_change(update: &ResourceUpdate) -> bool {
    matches!(update, ResourceUpdate::Changed { uri } if uri == "one+test://a")
}

/// A client that listens, so that its session has a stream.
async fn listening(clients: &SessionPool, gateway: &Gateway, era: Lifecycle) -> PooledClient {
    let (handlers, _) = ServerMessages::channel(64);
    let handlers = Arc::new(handlers);
    client_of(clients, gateway.endpoint(era), "alice", Some(handlers)).await
}

#[tokio::test]
async fn an_update_reaches_a_subscribed_client_under_the_name_of_the_proxy_and_no_longer_after_that()
 {
    for downstream in ERAS {
        for upstream in ERAS {
            let server = Server::start();
            let (upstreams, clients) = (pool(PoolConfig::default()), clients());
            let gateway = Gateway::start(before(&upstreams, &server, upstream)).await;
            let client = listening(&clients, &gateway, downstream).await;
            let mut updates = client
                .subscribe("one+test://a")
                .await
                .expect("a subscription");
            let update = changing(&server, next(&mut updates)).await;
            assert!(is_change(&update), "{downstream:?} {upstream:?} {update:?}");
            drop(updates);
            if upstream == Lifecycle::Legacy && downstream == Lifecycle::Legacy {
                eventually("the upstream is left", || {
                    server.count("resources/unsubscribe") == 1
                })
                .await;
            }
            close(&clients).await;
            close(&upstreams).await;
        }
    }
}

#[tokio::test]
async fn a_subscription_that_an_upstream_breaks_is_made_again_and_counts_as_a_change() {
    for downstream in ERAS {
        let server = Server::start();
        let (upstreams, clients) = (pool(PoolConfig::default()), clients());
        let proxy = before(&upstreams, &server, Lifecycle::Stateless);
        let gateway = Gateway::start(proxy).await;
        let client = listening(&clients, &gateway, downstream).await;
        let mut updates = client
            .subscribe("one+test://a")
            .await
            .expect("a subscription");
        eventually("the proxy listens", || !lock(&server.listening).is_empty()).await;
        server.cut();
        let update = next(&mut updates).await;
        assert!(is_change(&update), "{downstream:?} {update:?}");
        drop(updates);
        close(&clients).await;
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn a_subscribed_client_hears_of_the_gap_and_of_later_changes_when_its_upstream_changes_its_era()
 {
    for downstream in ERAS {
        for (before_it, after_it) in [(ERAS[0], ERAS[1]), (ERAS[1], ERAS[0])] {
            let case = format!("{downstream:?} {before_it:?}");
            let server = Server::start();
            server.become_of(before_it);
            let config = PoolConfig::default().with_health_check_interval(Duration::from_secs(1));
            let (upstreams, clients) = (pool(config), clients());
            let gateway = Gateway::start(before(&upstreams, &server, Lifecycle::Auto)).await;
            let client = listening(&clients, &gateway, downstream).await;
            let mut updates = client
                .subscribe("one+test://a")
                .await
                .expect("a subscription");
            eventually("the proxy is subscribed", || {
                server.count("resources/subscribe") + lock(&server.listening).len() > 0
            })
            .await;
            server.become_of(after_it);
            // No call shows the proxy the change.
            let update = next(&mut updates).await;
            assert!(is_change(&update), "{case} {update:?}");
            // A client with a session gets to know once that its upstream has lost the session.
            let any = CallToolRequestParams::new("one__any");
            let lost = client.call_tool(any).await.is_err();
            let has_state = ERAS[0] == downstream && ERAS[0] == before_it;
            assert_eq!(lost, has_state, "{case}");
            for _ in 0..MORE_THAN_GAPS {
                let update = changing(&server, next(&mut updates)).await;
                assert!(is_change(&update), "{case} {update:?}");
            }
            drop(updates);
            close(&clients).await;
            close(&upstreams).await;
        }
    }
}

/// A change of an era is reported less often.
const MORE_THAN_GAPS: usize = 6;

/// Reports changes of the resource until the future has come to its end.
async fn changing<T>(server: &Server, until: impl Future<Output = T>) -> T {
    let change = async {
        loop {
            server.change("test://a").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        done = until => done,
        () = change => unreachable!("it does not end"),
    }
}

#[tokio::test]
async fn the_level_of_a_client_holds_at_upstreams_of_either_era() {
    for upstream in ERAS {
        let server = Server::start();
        let (upstreams, clients) = (pool(PoolConfig::default()), clients());
        let gateway = Gateway::start(before(&upstreams, &server, upstream)).await;
        let client = listening(&clients, &gateway, Lifecycle::Legacy).await;
        client
            .set_log_level(LoggingLevel::Error)
            .await
            .expect("a level");
        let params = CallToolRequestParams::new("one__any");
        client.call_tool(params).await.expect("an answer");
        let messages = server.scripted.messages();
        let sent = match upstream {
            Lifecycle::Legacy => messages
                .iter()
                .find(|it| it["method"] == "logging/setLevel")
                .map(|it| it["params"]["level"].clone()),
            _ => messages
                .iter()
                .find(|it| it["method"] == "tools/call")
                .map(|it| it["params"]["_meta"]["io.modelcontextprotocol/logLevel"].clone()),
        };
        assert_eq!(sent, Some(json!("error")), "{upstream:?}");
        close(&clients).await;
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn a_task_is_had_from_the_upstream_that_has_it() {
    let (one, two) = (Server::start(), Server::start());
    let (upstreams, clients) = (pool(PoolConfig::default()), clients());
    let endpoint = |server: &Server| server.scripted.endpoint(Lifecycle::Stateless);
    let proxy = Proxy::builder(upstreams.clone())
        .upstream(Upstream::new("one", endpoint(&one)))
        .upstream(Upstream::new("two", endpoint(&two)));
    let gateway = Gateway::start(proxy.build().expect("a proxy")).await;
    let declared = ClientCapabilities::builder().enable_tasks().build();
    let make = |key: &PoolKey| -> ClientHandlerBox {
        mcp_session_pool::extend::HandlerFactory::handler(&NoopHandlers::default(), key)
    };
    let handlers = Arc::new(HandlerFn::new("tasks", make).declaring(declared));
    let endpoint = gateway.endpoint(Lifecycle::Stateless);
    let client = client_of(&clients, endpoint, "alice", Some(handlers)).await;
    let begin = CallToolRequestParams::new("two__begin");
    let CallToolResponse::Task(begun) = client.call_tool_once(begin).await.expect("a task") else {
        panic!("a task is expected");
    };
    let id = begun.task.task_id;
    assert_eq!(id, "two__t__1");
    let state = client.get_task(GetTaskParams::new(&*id)).await;
    assert_eq!(state.expect("a state").task.task.task_id, id);
    let update = UpdateTaskParams::new(&*id, Default::default());
    client.update_task(update).await.expect("an answer");
    let cancel = CancelTaskParams::new(&*id);
    client.cancel_task(cancel).await.expect("an answer");
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        assert_eq!((one.count(method), two.count(method)), (0, 1), "{method}");
    }
    let messages = two.scripted.messages();
    let about = messages
        .iter()
        .filter(|it| it["params"]["taskId"].is_string());
    for message in about {
        assert_eq!(message["params"]["taskId"], "t__1");
    }
    let error = client.get_task(GetTaskParams::new("three__t")).await;
    let error = error.expect_err("no such upstream");
    assert!(matches!(error, CallError::Rpc(_)), "{error:?}");
    close(&clients).await;
    close(&upstreams).await;
}
