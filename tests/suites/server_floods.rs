//! A server that sends without end takes a bounded part of the pool, and only for a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{PoolConfig, PooledClient, SessionPool, rmcp::model::ClientResult};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use crate::{
    closures::Closures,
    common::{call, close, eventually},
    over::{Over, builder},
    task_counts::{back_to, settled, tasks_beside},
};

const PING: &str = r#""method":"ping""#;
const QUESTION: &str = r#""method":"elicitation/create","params":{"mode":"form","message":"who?","requestedSchema":{"type":"object","properties":{}}}"#;

/// Sends this request without end during a call, until the client is gone or the flood is over.
async fn flood(exchange: Exchange, request: &'static str, over: Arc<AtomicBool>) {
    if exchange.method() != "tools/call" || exchange.tool() != "flood" {
        exchange.answer_plainly().await;
        return;
    }
    for number in 0_u64.. {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{number},{request}}}"#);
        if over.load(Ordering::SeqCst) || !exchange.send(&text).await {
            break;
        }
    }
}

struct Flood {
    server: ScriptedServer,
    pool: SessionPool,
    client: PooledClient,
    is_over: Arc<AtomicBool>,
    before: usize,
}

impl Flood {
    /// A server that floods, and a client with a session and its stream.
    async fn start(over: Over, request: &'static str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let server =
            ScriptedServer::start(move |exchange| flood(exchange, request, Arc::clone(&flag)));
        let handlers = Closures::default()
            .declaring(json!({ "elicitation": {} }))
            .on_request(|_request, _context| async { Ok(ClientResult::empty(())) });
        let pool = builder(PoolConfig::default()).handlers(handlers).build();
        let pool = pool.expect("a pool");
        let client = pool.client(over.request(&server, "alice")).await;
        let client = client.expect("a client");
        // The HTTP client has its task for idle connections from the first call on.
        let calls = (0..8).map(|_| call(&client, "count"));
        for count in futures::future::join_all(calls).await {
            count.expect("a count");
        }
        let before = settled(&server).await;
        Self {
            server,
            pool,
            client,
            is_over,
            before,
        }
    }

    fn answers(&self) -> usize {
        let messages = self.server.messages().into_iter();
        messages.filter(|it| it.get("method").is_none()).count()
    }

    /// Waits for two hundred answers, and returns the largest number of tasks meanwhile.
    async fn watch(&self) -> usize {
        let mut most = 0;
        let until = self.answers() + 200;
        eventually("the flood is answered", || {
            most = most.max(tasks_beside(&self.server));
            self.answers() >= until
        })
        .await;
        most
    }

    /// The end of the pool, which leaves no task behind.
    async fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        close(&self.pool).await;
        drop((self.pool, self.client));
        back_to(&self.server, 1).await;
    }
}

#[tokio::test]
async fn a_flood_during_a_call_has_bounded_tasks_and_leaves_none() {
    for over in Over::IN_SESSIONS {
        for request in [PING, QUESTION] {
            let flood = Flood::start(over, request).await;
            let most = tokio::select! {
                answer = call(&flood.client, "flood") => panic!("{answer:?}"),
                most = flood.watch() => most,
            };
            assert!(most <= flood.before + MOST_TASKS, "{over:?}: {most}");
            // Over HTTP+SSE the flood goes on without the call, on the stream of the session.
            if over != Over::Sse {
                back_to(&flood.server, flood.before).await;
            }
            flood.end().await;
        }
    }
}

#[tokio::test]
async fn a_flood_on_the_standalone_stream_has_bounded_tasks_and_leaves_none() {
    for over in Over::IN_SESSIONS {
        for request in [PING, QUESTION] {
            let flood = Flood::start(over, request).await;
            eventually("the stream is open", || flood.server.open_streams() > 0).await;
            let send = async {
                for number in 0_u64.. {
                    let text = format!(r#"{{"jsonrpc":"2.0","id":{number},{request}}}"#);
                    flood.server.broadcast(&text).await;
                }
            };
            let most = tokio::select! {
                most = flood.watch() => most,
                () = send => 0,
            };
            assert!(most <= flood.before + MOST_TASKS, "{over:?}: {most}");
            // A call is answered in between.
            call(&flood.client, "count").await.expect("a count");
            flood.end().await;
        }
    }
}

/// The answers under way at the same time, the requests at handlers, and what serves them.
const MOST_TASKS: usize = 600;

/// A pool with these bounds whose handlers wait until the sender sends, and count what they got.
struct Bounded {
    server: ScriptedServer,
    pool: SessionPool,
    client: PooledClient,
    release: watch::Sender<bool>,
    handled: Arc<AtomicUsize>,
}

impl Bounded {
    /// A server that sends `count` of these messages before the answer of the tool `flood`.
    async fn start(over: Over, count: usize, message: &'static str, config: PoolConfig) -> Self {
        let server = ScriptedServer::start(move |exchange: Exchange| async move {
            if exchange.tool() == "flood" {
                for number in 0..count {
                    let text = message.replace("NUMBER", &number.to_string());
                    exchange.send(&text).await;
                }
            }
            exchange.answer_plainly().await;
        });
        let (release, released) = watch::channel(false);
        let handled = Arc::<AtomicUsize>::default();
        let wait = {
            let handled = Arc::clone(&handled);
            move || {
                let (mut released, handled) = (released.clone(), Arc::clone(&handled));
                async move {
                    let _ = released.wait_for(|released| *released).await;
                    handled.fetch_add(1, Ordering::SeqCst);
                }
            }
        };
        let also = wait.clone();
        let handlers = Closures::default()
            .declaring(json!({ "elicitation": {} }))
            .on_notification(move |_, _| wait())
            .on_request(move |_, _| {
                let wait = also();
                async {
                    wait.await;
                    Ok(ClientResult::empty(()))
                }
            });
        let pool = builder(config).handlers(handlers).build().expect("a pool");
        let client = pool.client(over.request(&server, "alice")).await;
        Self {
            server,
            pool,
            client: client.expect("a client"),
            release,
            handled,
        }
    }
}

const LOG: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":NUMBER}}"#;
const REQUEST: &str = r#"{"jsonrpc":"2.0","id":"NUMBER","method":"elicitation/create","params":{"mode":"form","message":"who?","requestedSchema":{"type":"object","properties":{}}}}"#;

#[tokio::test]
async fn notifications_for_a_handler_that_hangs_delay_an_answer_by_seconds_and_the_dropped_ones_are_counted()
 {
    for over in Over::IN_SESSIONS {
        let config = PoolConfig::default().with_max_server_notifications_per_session(8);
        let bounded = Bounded::start(over, 1_000, LOG, config).await;
        // One after the other, each for as long as a handler may hang, they would take 1,000 seconds.
        let answer = timeout(Duration::from_secs(60), call(&bounded.client, "flood")).await;
        answer.expect("within a minute").expect("a count");
        let dropped = || bounded.pool.stats().server_notifications_dropped;
        let handled = || bounded.handled.load(Ordering::SeqCst) as u64;
        assert!(dropped() >= 900, "{over:?}: {}", dropped());
        bounded.release.send(true).expect("a handler");
        eventually("every notification is handled or dropped", || {
            handled() + dropped() == 1_000
        })
        .await;
        assert_eq!(bounded.pool.stats().server_requests_refused, 0);
        close(&bounded.pool).await;
    }
}

#[tokio::test]
async fn a_burst_beyond_the_bound_loses_nothing_where_the_handler_keeps_up() {
    for over in Over::IN_SESSIONS {
        let config = PoolConfig::default().with_max_server_notifications_per_session(8);
        let bounded = Bounded::start(over, 100, LOG, config).await;
        bounded.release.send(true).expect("a handler");
        call(&bounded.client, "flood").await.expect("a count");
        let handled = || bounded.handled.load(Ordering::SeqCst);
        eventually("all are handled", || handled() == 100).await;
        assert_eq!(bounded.pool.stats().server_notifications_dropped, 0);
        close(&bounded.pool).await;
    }
}

#[tokio::test]
async fn requests_beyond_the_bound_of_a_session_get_an_error_and_are_counted() {
    for over in Over::IN_SESSIONS {
        let config = PoolConfig::default().with_max_server_requests_per_session(3);
        let bounded = Bounded::start(over, 10, REQUEST, config).await;
        call(&bounded.client, "flood").await.expect("a count");
        let answers = |member: &str| {
            let messages = bounded.server.messages().into_iter();
            let answers = messages.filter(|it| it.get("method").is_none());
            answers.filter(|it| it.get(member).is_some()).count()
        };
        eventually("seven are refused", || answers("error") == 7).await;
        assert_eq!(bounded.pool.stats().server_requests_refused, 7, "{over:?}");
        bounded.release.send(true).expect("a handler");
        eventually("three are answered", || answers("result") == 3).await;
        close(&bounded.pool).await;
    }
}
