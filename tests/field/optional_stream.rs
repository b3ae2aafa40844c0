//! The stream for messages that belong to no call decides over nothing.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{RawRequest, RawServer, Reply};
use mcp_session_pool::{
    PoolConfig, SessionPool, StreamableHttpConnector,
    config::Lifecycle,
    event::ServerStreamChanged,
    extend::{Observer, ServerMessages, ServerMessagesReceiver, ServerStream},
};
use tokio::time::Instant;

use crate::setup::{call, client, close, request};

type Open = fn(&RawRequest) -> Reply;

/// Refusals that hold for every session of the server.
const NONE_HERE: [(&str, Open); 7] = [
    ("400", |_| Reply::status(400)),
    ("404", |_| Reply::status(404)),
    ("404 text", |_| {
        Reply::text(404, "text/html", "<h1>Not Found</h1>")
    }),
    ("405", |_| Reply::status(405)),
    ("406", |_| Reply::status(406)),
    ("501", |_| Reply::status(501)),
    ("json", |_| Reply::text(200, "application/json", "{}")),
];
/// Refusals that may not.
const NOT_NOW: [(&str, Open); 8] = [
    ("401", |_| Reply::status(401)),
    ("403", |_| Reply::status(403)),
    ("429", |_| Reply::status(429)),
    ("500", |_| Reply::status(500)),
    ("503", |_| Reply::status(503)),
    ("lost", |_| {
        Reply::text(404, "text/plain", "Session not found")
    }),
    ("cut", |_| Reply::cut()),
    ("cut stream", |_| {
        let head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n: x\n\n";
        Reply::bytes(head.to_vec()).then_close()
    }),
];

/// A server that answers requests for its stream so, and opens sessions with ids of their own.
fn server(open: Open) -> RawServer {
    let sessions = AtomicUsize::new(0);
    RawServer::start(move |request| match request.method() {
        "GET" => open(request),
        "initialize" => {
            let number = sessions.fetch_add(1, Ordering::SeqCst);
            request.plain_reply(&format!("session-{number}"))
        }
        _ => request.plain_reply(""),
    })
}

#[derive(Clone, Default)]
struct Changes(Arc<Mutex<Vec<ServerStream>>>);

impl Observer for Changes {
    fn server_stream_changed(&self, event: &ServerStreamChanged<'_>) {
        self.0.lock().expect("the events").push(event.after());
    }
}

/// A pool whose handlers want the messages of servers.
fn listening_pool(changes: Changes) -> (SessionPool, ServerMessagesReceiver) {
    let (handlers, messages) = ServerMessages::channel(64);
    let builder = SessionPool::builder().config(PoolConfig::default());
    let builder = builder.connector(StreamableHttpConnector::new().expect("an http client"));
    let pool = builder.handlers(handlers).observer(changes).build();
    (pool.expect("a pool"), messages)
}

#[tokio::test]
async fn no_refusal_of_the_stream_costs_a_session_or_a_call() {
    for (name, open) in NONE_HERE.into_iter().chain(NOT_NOW) {
        let server = server(open);
        let (pool, _messages) = listening_pool(Changes::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        for _ in 0..5 {
            assert_eq!(call(&alice, "count").await.expect(name), "1");
        }
        assert_eq!(server.count("initialize"), 1, "{name}");
        assert_eq!(server.count("DELETE"), 0, "{name}");
        assert_eq!(pool.stats().circuit_breaker_trips, 0, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_server_without_a_stream_is_requested_once_for_all_its_sessions() {
    for (name, open) in NONE_HERE {
        let server = server(open);
        let (pool, _messages) = listening_pool(Changes::default());
        for user in ["alice", "bob", "carol"] {
            let wanted = request(server.endpoint(Lifecycle::Legacy), user);
            let lease = pool.acquire(&wanted);
            let lease = lease.await.expect(name);
            let state = lease.info().server_stream();
            assert_eq!(state, ServerStream::Absent, "{name} {user}");
        }
        assert_eq!(server.count("initialize"), 3, "{name}");
        assert_eq!(server.count("GET"), 1, "{name}");
        close(&pool).await;
    }
}

#[tokio::test]
async fn only_the_first_session_waits_for_a_server_that_never_answers() {
    const USERS: usize = 30;
    let server = server(|_| Reply::hang());
    let (pool, _messages) = listening_pool(Changes::default());
    let began = Instant::now();
    for user in 0..USERS {
        let wanted = request(server.endpoint(Lifecycle::Legacy), &format!("user-{user}"));
        let lease = pool.acquire(&wanted);
        let lease = lease.await.expect("a session");
        assert_eq!(lease.info().server_stream(), ServerStream::Pending);
    }
    // One wait is 2 s, and thirty are a minute.
    assert!(
        began.elapsed() < Duration::from_secs(55),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(server.count("initialize"), USERS);
    close(&pool).await;
}

#[tokio::test]
async fn a_caller_sees_whether_there_is_a_stream_and_an_observer_how_it_changes() {
    let changes = Changes::default();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    // The first stream is cut, and the second one stays.
    let server = RawServer::start(move |request| {
        let head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n: x\n\n".to_vec();
        match request.method() {
            "GET" if count.fetch_add(1, Ordering::SeqCst) == 0 => {
                let pause = Duration::from_millis(1);
                Reply::bytes(head).then_close().after(pause)
            }
            "GET" => Reply::bytes(head),
            _ => request.plain_reply("session"),
        }
    });
    let (pool, _messages) = listening_pool(changes.clone());
    let wanted = request(server.endpoint(Lifecycle::Legacy), "alice");
    let lease = pool.acquire(&wanted);
    let lease = lease.await.expect("a session");
    let deadline = Instant::now() + Duration::from_secs(60);
    while opened.load(Ordering::SeqCst) < 2 || lease.info().server_stream() != ServerStream::Open {
        assert!(Instant::now() < deadline, "the stream is opened again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let last = || changes.0.lock().expect("the events").last().copied();
    while last() != Some(ServerStream::Open) {
        assert!(Instant::now() < deadline, "the observer gets it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.count("initialize"), 1);
    drop(lease);
    close(&pool).await;
}

#[tokio::test]
async fn the_changes_of_streams_are_counted_without_an_observer() {
    let server = RawServer::start(|request| {
        let head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n: x\n\n".to_vec();
        match request.method() {
            // A session waits for it for 2 s: late enough to be a change of one that is open.
            "GET" => Reply::bytes(head).after(Duration::from_secs(5)),
            _ => request.plain_reply("session"),
        }
    });
    let (handlers, _messages) = ServerMessages::channel(64);
    let builder = SessionPool::builder().config(PoolConfig::default());
    let builder = builder.connector(StreamableHttpConnector::new().expect("an http client"));
    let pool = builder.handlers(handlers).build().expect("a pool");
    let wanted = request(server.endpoint(Lifecycle::Legacy), "alice");
    let lease = pool.acquire(&wanted);
    let lease = lease.await.expect("a session");
    let deadline = Instant::now() + Duration::from_secs(60);
    while pool.stats().server_stream_changes == 0 {
        assert!(Instant::now() < deadline, "the stream is opened");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(lease.info().server_stream(), ServerStream::Open);
    assert_eq!(pool.stats().server_stream_changes, 1);
    drop(lease);
    close(&pool).await;
}

#[tokio::test]
async fn a_stream_that_is_cut_each_time_is_opened_again_with_pauses() {
    let server = server(|_| {
        let head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\nretry: 1\n\n";
        Reply::bytes(head.to_vec()).then_close()
    });
    let (pool, _messages) = listening_pool(Changes::default());
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        assert_eq!(call(&alice, "count").await.expect("an answer"), "1");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // At 0, 1 and 3 s; a pause is never shorter than 1 s.
    let opened = server.count("GET");
    assert!((2..=4).contains(&opened), "{opened}");
    assert_eq!(server.count("initialize"), 1);
    close(&pool).await;
}

#[tokio::test]
async fn a_stream_that_is_cut_after_an_event_each_time_is_requested_less_and_less_often() {
    let server = server(|_| {
        let head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n";
        Reply::bytes(head.to_vec()).then_close()
    });
    let (pool, _messages) = listening_pool(Changes::default());
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    call(&alice, "count").await.expect("an answer");
    // With pauses of one length there were four.
    tokio::time::sleep(Duration::from_millis(3_300)).await;
    let requests = server.count("GET");
    assert!((2..=3).contains(&requests), "{requests}");
    close(&pool).await;
}
