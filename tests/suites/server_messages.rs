//! A notification of the server reaches the caller that it belongs to, and no other.
#![expect(deprecated, reason = "servers with sessions do log and sample")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{NotifyingServer, ScriptedServer, fake};
use mcp_session_pool::{
    PoolConfig, PooledClient, Principal, Scope, SessionPool,
    config::Lifecycle,
    error::AcquireError,
    extend::{
        ClientHandlerBox, HandlerFn, ListKind, ServerMessage, ServerMessages,
        ServerMessagesReceiver,
    },
    rmcp::{
        ClientHandler, RoleClient,
        model::{
            CallToolRequestParams, ClientCapabilities, ProgressNotificationParam,
            ServerNotification, ToolListChangedNotification,
        },
        service::NotificationContext,
    },
};
use serde_json::json;

use crate::{
    common::{builder, close, eventually, pool_over, request},
    over::{self, Over},
};

/// A pool that sends the messages of servers to the channel.
fn listening_pool(config: PoolConfig) -> (SessionPool, ServerMessagesReceiver) {
    let (handlers, messages) = ServerMessages::channel(1_024);
    let pool = builder(config).handlers(handlers).build();
    (pool.expect("a pool"), messages)
}

async fn client_of(pool: &SessionPool, server: &NotifyingServer, user: &str) -> PooledClient {
    let endpoint = server.endpoint().with_lifecycle(Lifecycle::Legacy);
    let client = pool.client(request(endpoint, user)).await;
    client.expect("a client")
}

fn labelled(tool: &'static str, label: &str) -> CallToolRequestParams {
    let arguments = json!({ "label": label });
    let arguments = arguments.as_object().cloned().expect("an object");
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

#[tokio::test]
async fn logs_and_resource_updates_reach_only_the_user_who_caused_them() {
    let server = NotifyingServer::start();
    let (pool, mut messages) = listening_pool(PoolConfig::default());
    for user in ["alice", "bob", "alice"] {
        let client = client_of(&pool, &server, user).await;
        client
            .call_tool(labelled("notify", user))
            .await
            .expect("an answer");
    }
    for _ in 0..6 {
        let received = messages.recv().await.expect("a message");
        let label = match &received.message {
            ServerMessage::Log(log) => log.data.as_str().expect("a label").to_owned(),
            ServerMessage::ResourceUpdated { uri } => uri.replace("test://", ""),
            other => panic!("{other:?}"),
        };
        assert_eq!(received.key.principal(), &Principal::user(&*label));
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_changed_list_is_reported_once_a_key() {
    let server = NotifyingServer::start();
    let (pool, mut messages) = listening_pool(
        // All three sessions receive it within this time on a slow machine, too.
        PoolConfig::default().with_list_changed_debounce(Duration::from_secs(3)),
    );
    let mut leases = Vec::new();
    for user in ["alice", "alice", "bob"] {
        let client = client_of(&pool, &server, user).await;
        leases.push(client.acquire().await.expect("a session"));
    }
    server.change_tools().await;
    let mut reported = BTreeMap::new();
    for _ in 0..2 {
        let received = messages.recv().await.expect("a message");
        assert!(matches!(
            received.message,
            ServerMessage::ListChanged(ListKind::Tools)
        ));
        *reported.entry(format!("{:?}", received.key)).or_insert(0) += 1;
    }
    assert_eq!(reported.into_values().collect::<Vec<_>>(), [1, 1]);
    eventually("all three sessions receive it", || {
        pool.stats().list_changes == 3
    })
    .await;
    drop(leases);
    close(&pool).await;
}

/// Counts the changes that it receives.
struct Counts(Arc<AtomicUsize>);

impl ClientHandler for Counts {
    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A pool over the fake with counting handlers, and a client with an idle session of it.
async fn counting() -> (SessionPool, fake::Remote, PooledClient, Arc<AtomicUsize>) {
    let (connector, remote) = fake::connector();
    let reported = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&reported);
    let handlers = HandlerFn::new("counts", move |_key: &_| {
        ClientHandlerBox::new(Counts(Arc::clone(&counts)))
    });
    let pool = SessionPool::builder()
        .config(PoolConfig::default().with_session_ttl(Duration::from_secs(600)))
        .connector(connector)
        .handlers(handlers)
        .build()
        .expect("a pool");
    let client = pool.client(request(fake::endpoint("a"), "alice")).await;
    let client = client.expect("a client");
    drop(client.acquire().await.expect("a session"));
    (pool, remote, client, reported)
}

fn tools_changed() -> ServerNotification {
    ServerNotification::ToolListChangedNotification(ToolListChangedNotification::default())
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_reported_once_five_seconds_after_the_first() {
    let (pool, remote, _client, reported) = counting().await;
    for _ in 0..4 {
        remote.notify(&tools_changed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(
        pool.stats().list_changes,
        4,
        "the pool itself receives each"
    );
    assert_eq!(reported.load(Ordering::SeqCst), 0);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(reported.load(Ordering::SeqCst), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(reported.load(Ordering::SeqCst), 1);
    remote.notify(&tools_changed());
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(
        reported.load(Ordering::SeqCst),
        2,
        "a later change is another"
    );
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_delayed_change_is_reported_when_its_session_ends_and_no_task_remains() {
    let (pool, remote, _client, reported) = counting().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    remote.notify(&tools_changed());
    tokio::time::sleep(Duration::from_millis(1)).await;
    let before = tokio::time::Instant::now();
    close(&pool).await;
    eventually("the handler is called", || {
        reported.load(Ordering::SeqCst) == 1
    })
    .await;
    assert!(before.elapsed() < Duration::from_secs(5));
    drop((pool, _client));
    eventually("no task is left", || tasks() == 0).await;
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn progress_on_a_shared_session_reaches_the_right_call() {
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Stateless] {
        let server = NotifyingServer::start();
        let (pool, mut messages) = listening_pool(PoolConfig::default());
        let endpoint = server.endpoint().with_lifecycle(lifecycle);
        let request = request(endpoint, "alice").with_scope(Scope::conversation("c"));
        let client = pool.client(request).await.expect("a client");
        let calls = (0..16).map(|n| progress_of(&client, n.to_string()));
        for (label, received) in futures::future::join_all(calls).await {
            let labels: Vec<_> = received.iter().map(|it| it.message.as_deref()).collect();
            assert_eq!(labels, [Some(&*label); 3], "{lifecycle:?}");
        }
        assert_eq!(pool.stats().sessions_opened, 1);
        // Progress of a call without a callback reaches the handler, and no other progress does.
        let alone = client.call_tool(labelled("work", "alone")).await;
        alone.expect("work");
        let received = messages.recv().await.expect("a message");
        let ServerMessage::Progress(progress) = received.message else {
            panic!("{received:?}");
        };
        assert_eq!(progress.message.as_deref(), Some("alone"));
        close(&pool).await;
    }
}

/// Calls `work`, and returns the progress that the call received.
async fn progress_of(
    client: &PooledClient,
    label: String,
) -> (String, Vec<ProgressNotificationParam>) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&received);
    let client =
        client.with_progress(move |progress| into.lock().expect("received").push(progress));
    let worked = client.call_tool(labelled("work", &label)).await;
    worked.expect("work");
    let received = std::mem::take(&mut *received.lock().expect("received"));
    (label, received)
}

#[tokio::test]
async fn a_shared_session_cannot_declare_input_handlers() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let handlers = HandlerFn::new("samples", |_key: &_| ClientHandlerBox::new(()))
        .declaring(ClientCapabilities::builder().enable_sampling().build());
    let endpoint = fake::endpoint("a").declared_stateless_and_public();
    let request = request(endpoint, "alice")
        .with_scope(Scope::Shared)
        .with_handlers(Arc::new(handlers));
    let error = pool
        .acquire(&request)
        .await
        .expect_err("no single user to answer");
    assert!(
        matches!(error, AcquireError::NoCaller("sampling")),
        "{error:?}"
    );
    assert_eq!(remote.connects(), 0);
    close(&pool).await;
}

#[tokio::test]
async fn every_notification_is_passed_on_and_one_without_a_type_as_it_came() {
    for over in Over::ALL {
        let server = ScriptedServer::start(|exchange| async move {
            if exchange.method() == "tools/call" {
                let task = json!({
                    "taskId": "t", "status": "working", "ttlMs": null,
                    "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z",
                });
                for (method, params) in [
                    ("notifications/tasks", task),
                    ("notifications/x/any", json!({ "a": [1, 2] })),
                ] {
                    let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
                    exchange.send(&message.to_string()).await;
                }
            }
            exchange.answer_plainly().await;
        });
        let (handlers, mut messages) = ServerMessages::channel(8);
        let pool = over::builder(PoolConfig::default()).handlers(handlers);
        let pool = pool.build().expect("a pool");
        let client = pool.client(over.request(&server, "alice")).await;
        let client = client.expect("a client");
        client
            .call_tool(CallToolRequestParams::new("any"))
            .await
            .expect("an answer");
        let task = messages.recv().await.expect("a message");
        let ServerMessage::Task(task) = task.message else {
            panic!("{over:?} {task:?}");
        };
        assert_eq!(task.task.task.task_id, "t");
        let other = messages.recv().await.expect("a message");
        let ServerMessage::Other(other) = other.message else {
            panic!("{over:?} {other:?}");
        };
        assert_eq!(other.method, "notifications/x/any");
        assert_eq!(other.params, Some(json!({ "a": [1, 2] })));
        close(&pool).await;
    }
}
