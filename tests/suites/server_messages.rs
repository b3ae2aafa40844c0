//! What a server says of its own accord reaches the caller it belongs to, and nobody else.
#![expect(deprecated, reason = "servers with sessions do log and sample")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{NotifyingServer, fake};
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

use crate::common::{builder, close, eventually, pool_over, request};

/// A pool whose servers' messages come through the channel.
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
async fn logs_and_resource_updates_reach_the_user_who_caused_them_and_nobody_else() {
    let server = NotifyingServer::start();
    let (pool, mut messages) = listening_pool(PoolConfig::default());
    for user in ["alice", "bob", "alice"] {
        let client = client_of(&pool, &server, user).await;
        client
            .call_tool(labelled("notify", user))
            .await
            .expect("said");
    }
    for _ in 0..6 {
        let heard = messages.recv().await.expect("a message");
        let label = match &heard.message {
            ServerMessage::Log(log) => log.data.as_str().expect("a label").to_owned(),
            ServerMessage::ResourceUpdated { uri } => uri.replace("test://", ""),
            other => panic!("{other:?}"),
        };
        assert_eq!(heard.key.principal(), &Principal::user(&*label));
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_changed_list_is_told_to_every_key_once() {
    let server = NotifyingServer::start();
    let (pool, mut messages) = listening_pool(
        PoolConfig::default().with_list_changed_debounce(Duration::from_millis(200)),
    );
    let mut leases = Vec::new();
    for user in ["alice", "alice", "bob"] {
        let client = client_of(&pool, &server, user).await;
        leases.push(client.acquire().await.expect("a session"));
    }
    server.change_tools().await;
    let mut told = BTreeMap::new();
    for _ in 0..2 {
        let heard = messages.recv().await.expect("a message");
        assert!(matches!(
            heard.message,
            ServerMessage::ListChanged(ListKind::Tools)
        ));
        *told.entry(format!("{:?}", heard.key)).or_insert(0) += 1;
    }
    assert_eq!(told.into_values().collect::<Vec<_>>(), [1, 1]);
    eventually("all three sessions hear it", || {
        pool.stats().list_changes == 3
    })
    .await;
    drop(leases);
    close(&pool).await;
}

/// Counts the changes it hears of.
struct Counts(Arc<AtomicUsize>);

impl ClientHandler for Counts {
    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A pool over the fake whose handlers count, and a client that holds a session of it.
async fn counting() -> (SessionPool, fake::Remote, PooledClient, Arc<AtomicUsize>) {
    let (connector, remote) = fake::connector();
    let told = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&told);
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
    (pool, remote, client, told)
}

fn tools_changed() -> ServerNotification {
    ServerNotification::ToolListChangedNotification(ToolListChangedNotification::default())
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_told_once_five_seconds_after_the_first() {
    let (pool, remote, _client, told) = counting().await;
    for _ in 0..4 {
        remote.notify(&tools_changed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(pool.stats().list_changes, 4, "the pool itself hears each");
    assert_eq!(told.load(Ordering::SeqCst), 0);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(told.load(Ordering::SeqCst), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(told.load(Ordering::SeqCst), 1);
    remote.notify(&tools_changed());
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(told.load(Ordering::SeqCst), 2, "a later change is another");
    close(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_held_back_is_told_when_its_session_ends_and_nothing_stays_behind() {
    let (pool, remote, _client, told) = counting().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    remote.notify(&tools_changed());
    tokio::time::sleep(Duration::from_millis(1)).await;
    let before = tokio::time::Instant::now();
    close(&pool).await;
    eventually("the handler is told", || told.load(Ordering::SeqCst) == 1).await;
    assert!(before.elapsed() < Duration::from_secs(5));
    drop((pool, _client));
    eventually("no task is left", || tasks() == 0).await;
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn progress_on_a_crowded_session_goes_to_the_call_it_belongs_to() {
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Stateless] {
        let server = NotifyingServer::start();
        let (pool, mut messages) = listening_pool(PoolConfig::default());
        let endpoint = server.endpoint().with_lifecycle(lifecycle);
        let request = request(endpoint, "alice").with_scope(Scope::conversation("c"));
        let client = pool.client(request).await.expect("a client");
        let calls = (0..16).map(|n| heard_progress(&client, n.to_string()));
        for (label, heard) in futures::future::join_all(calls).await {
            let labels: Vec<_> = heard.iter().map(|it| it.message.as_deref()).collect();
            assert_eq!(labels, [Some(&*label); 3], "{lifecycle:?}");
        }
        assert_eq!(pool.stats().sessions_opened, 1);
        // A call that nobody listens to tells the handler, and it has heard of no other.
        let alone = client.call_tool(labelled("work", "alone")).await;
        alone.expect("work");
        let heard = messages.recv().await.expect("a message");
        let ServerMessage::Progress(progress) = heard.message else {
            panic!("{heard:?}");
        };
        assert_eq!(progress.message.as_deref(), Some("alone"));
        close(&pool).await;
    }
}

/// Has the server work, and returns the progress that the call heard of.
async fn heard_progress(
    client: &PooledClient,
    label: String,
) -> (String, Vec<ProgressNotificationParam>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&heard);
    let client = client.with_progress(move |progress| into.lock().expect("heard").push(progress));
    let worked = client.call_tool(labelled("work", &label)).await;
    worked.expect("work");
    let heard = std::mem::take(&mut *heard.lock().expect("heard"));
    (label, heard)
}

#[tokio::test]
async fn a_session_of_everybody_cannot_be_asked_what_only_one_could_answer() {
    let (connector, remote) = fake::connector();
    let pool = pool_over(connector, PoolConfig::default());
    let handlers = HandlerFn::new("asks", |_key: &_| ClientHandlerBox::new(()))
        .declaring(ClientCapabilities::builder().enable_sampling().build());
    let endpoint = fake::endpoint("a").declared_stateless_and_public();
    let request = request(endpoint, "alice")
        .with_scope(Scope::Shared)
        .with_handlers(Arc::new(handlers));
    let error = pool.acquire(&request).await.expect_err("nobody to answer");
    assert!(
        matches!(error, AcquireError::NobodyToAnswer("sampling")),
        "{error:?}"
    );
    assert_eq!(remote.connects(), 0);
    close(&pool).await;
}
