//! The order of what a server sends, and handlers that are slow.
#![expect(deprecated, reason = "servers of older revisions request roots")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_core::{
    AcquireRequest, Principal, SessionPool,
    error::Outcome,
    extend::{ClientHandlerBox, HandlerFn},
};
use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        CallToolRequestParams, ClientCapabilities, ListRootsResult, ProgressNotificationParam,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::{Value, json};

use crate::{
    call, connector, eventually,
    scripted::{Reply, Scripted, event, handshake, stream, tool_answer},
    text,
};

/// The progress that came, as the id of its call and a number.
type Seen = Arc<Mutex<Vec<(String, u64)>>>;

/// A handler that notes the progress it gets, after a pause that differs from one to the next.
struct Notes(Seen);

impl ClientHandler for Notes {
    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let number = params.progress as u64;
        for _ in 0..(number * 7) % 5 {
            tokio::task::yield_now().await;
        }
        let token = params.progress_token.0.to_string();
        self.0.lock().expect("no panic").push((token, number));
    }
}

/// A handler that hangs, and counts the progress that it began to handle.
#[derive(Default)]
struct Hangs(Arc<AtomicUsize>);

impl ClientHandler for Hangs {
    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        std::future::pending().await
    }

    async fn on_progress(
        &self,
        _params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
}

fn progress(message: &Value, number: u64) -> String {
    let token = &message["params"]["_meta"]["progressToken"];
    event(
        &json!({"jsonrpc": "2.0", "method": "notifications/progress",
        "params": {"progressToken": token, "progress": number}}),
    )
}

/// A server that answers each call with its id, after progress.
fn with_progress(message: &Value) -> Reply {
    handshake(message).unwrap_or_else(|| {
        if message["method"] != "tools/call" {
            return Reply::default();
        }
        let id = message["id"].as_str().unwrap_or_default();
        let answer = event(&tool_answer(message, id));
        let progress: String = (0..PROGRESS)
            .map(|number| progress(message, number))
            .collect();
        stream(progress + &answer)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_progress_just_before_an_answer_reaches_the_handler_before_the_caller_goes_on() {
    let server = Scripted::start(with_progress);
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let handlers = HandlerFn::new("notes", move |_| {
        ClientHandlerBox::new(Notes(Arc::clone(&noted)))
    });
    let session = server
        .connect_with(&connector(), Some(Arc::new(handlers)))
        .await;
    let callers = (0..4).map(|_| async {
        for _ in 0..250 {
            let id = text(&call(&session, "x").await.expect("an answer"));
            let seen = seen.lock().expect("no panic");
            let own = seen.iter().filter(|(token, _)| *token == id);
            let own: Vec<u64> = own.map(|(_, number)| *number).collect();
            assert_eq!(own, (0..PROGRESS).collect::<Vec<_>>());
        }
    });
    futures::future::join_all(callers).await;
    assert_eq!(seen.lock().expect("no panic").len(), 1_000 * 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_progress_just_before_an_answer_reaches_the_callers_sink() {
    let server = Scripted::start(with_progress);
    let pool = SessionPool::builder().connector(connector());
    let pool = pool.build().expect("a pool");
    let request = AcquireRequest::new(server.endpoint(), Principal::user("alice"));
    let client = pool.client(request).await.expect("a client");
    for _ in 0..1_000 {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let client = client.with_progress(move |params| {
            noted.lock().expect("no panic").push(params.progress);
        });
        let called = client.call_tool(CallToolRequestParams::new("x")).await;
        called.expect("an answer");
        assert_eq!(*seen.lock().expect("no panic"), [0.0, 1.0, 2.0]);
    }
    pool.close(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_handler_that_hangs_holds_up_its_own_call_for_a_bounded_time_and_no_ping() {
    let server = Scripted::start(|message| {
        // More than can be handled in time, as each of them takes a second.
        let flood: String = (0..30).map(|number| progress(message, number)).collect();
        let reply = with_progress(message);
        match message["method"] == "tools/call" {
            true => stream(flood + &reply.stream),
            false => reply,
        }
    });
    let begun = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&begun);
    let handlers = HandlerFn::new("hangs", move |_| {
        ClientHandlerBox::new(Hangs(Arc::clone(&count)))
    });
    let session = server
        .connect_with(&connector(), Some(Arc::new(handlers)))
        .await;
    let ping = event(&json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}));
    let pinged = async {
        eventually("the call", || !server.posted_of("tools/call").is_empty()).await;
        server.write(&ping);
        let is_answered = || {
            let posted = server.posted();
            posted.iter().any(|posted| posted.message["id"] == "p")
        };
        eventually("the answer to a ping", is_answered).await;
        begun.load(Ordering::SeqCst)
    };
    let (answer, begun) = tokio::join!(call(&session, "x"), pinged);
    answer.expect("an answer");
    // Behind the flood it would come after thirty of them, a second apart.
    assert!(begun < 10, "after {begun} notifications");
}

#[tokio::test]
async fn a_caller_that_waits_for_a_busy_handler_ends_with_the_session() {
    let server = Scripted::start(with_progress);
    let handlers = HandlerFn::new("hangs", |_| ClientHandlerBox::new(Hangs::default()));
    let session = server
        .connect_with(&connector(), Some(Arc::new(handlers)))
        .await;
    let ended = async {
        eventually("the call", || !server.posted_of("tools/call").is_empty()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.end_streams();
        eventually("the end", || session.is_over()).await;
    };
    let (answer, turns) = turns_after(ended, call(&session, "x")).await;
    // The answer had come before the session ended.
    let id = answer.map_err(|failure| failure.outcome());
    assert!(matches!(id, Ok(_) | Err(Outcome::Unknown)), "{id:?}");
    // The turn of a handler that hangs is a second.
    assert!(turns < 50, "{turns} turns");
}

#[tokio::test]
async fn a_call_of_a_peer_ends_with_the_session_while_a_handler_is_busy() {
    let server = Scripted::start(|message| {
        handshake(message).unwrap_or_else(|| match message["method"] == "tools/call" {
            true => stream(progress(message, 1)),
            false => Reply::default(),
        })
    });
    let handlers = HandlerFn::new("hangs", |_| ClientHandlerBox::new(Hangs::default()))
        .declaring(ClientCapabilities::builder().enable_roots().build());
    let session = server
        .connect_with(&connector(), Some(Arc::new(handlers)))
        .await;
    let peer = session.driver().peer().await.expect("a peer");
    let ended = async {
        eventually("the call", || !server.posted_of("tools/call").is_empty()).await;
        server.write(&event(
            &json!({"jsonrpc": "2.0", "id": "r", "method": "roots/list"}),
        ));
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.end_streams();
        eventually("the end", || session.is_over()).await;
    };
    let params = CallToolRequestParams::new("x");
    let (called, turns) = turns_after(ended, peer.call_tool(params)).await;
    called.expect_err("no answer");
    assert!(turns < 100, "{turns} turns");
}

/// The output of the call, and the turns of the runtime, a hundredth of a second apart, that it took
/// after the end. A machine that stands still makes one of them.
async fn turns_after<T>(
    end: impl Future<Output = ()>,
    call: impl Future<Output = T>,
) -> (T, usize) {
    let mut turns = 0;
    let count = async {
        end.await;
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            turns += 1;
        }
    };
    let output = tokio::select! {
        biased;
        output = call => output,
        () = count => unreachable!("it counts without end"),
    };
    (output, turns)
}

const PROGRESS: u64 = 3;
