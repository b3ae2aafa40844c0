//! Servers write JSON-RPC over HTTP in many ways, and the pool reads them all.

use std::{sync::Arc, time::Duration};

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    PoolConfig, PooledClient, SessionPool,
    config::Lifecycle,
    error::{CallError, FaultKind},
    rmcp::model::CallToolRequestParams,
};

use crate::{
    closures::Closures,
    common::{call, close},
    over::{Over, builder, pool},
};

/// How a server writes an answer: the content type, and the text around the message.
#[derive(Clone, Copy, Debug)]
struct Writing {
    content_type: Option<&'static str>,
    /// `ANSWER` stands for the message, and `ID` for its id.
    text: &'static str,
}

const JSON: Option<&str> = Some("application/json");
const EVENTS: Option<&str> = Some("text/event-stream");

const fn writing(content_type: Option<&'static str>, text: &'static str) -> Writing {
    Writing { content_type, text }
}

const LOG: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":77,"method":"ping"}"#;

/// Every way that is read.
const WRITINGS: &[Writing] = &[
    writing(JSON, "ANSWER"),
    writing(JSON, "\u{feff} ANSWER\r\n"),
    writing(Some("application/json; charset=utf-8"), "ANSWER"),
    writing(Some("text/plain"), "ANSWER"),
    writing(None, "ANSWER"),
    writing(JSON, "[ANSWER]"),
    writing(JSON, "[LOG, STRAY, PING, 7, ANSWER]"),
    writing(JSON, "[ANSWER, LOG]"),
    writing(JSON, "NULLERROR"),
    writing(EVENTS, "data: ANSWER\n\n"),
    writing(EVENTS, "\u{feff}data:ANSWER\r\n\r\n"),
    writing(
        EVENTS,
        ": hello\n\nevent: message\nid: 1\nx-field: 1\nretry: 5\ndata: ANSWER\n\n",
    ),
    writing(EVENTS, "event: ping\ndata: {}\n\ndata: ANSWER\n\n"),
    writing(
        EVENTS,
        "event: ping\ndata: 2026-01-01\n\ndata: \n\ndata: ANSWER\n\n",
    ),
    writing(EVENTS, "data: [LOG, STRAY, ANSWER]\n\n"),
    writing(
        EVENTS,
        "data: LOG\n\ndata: STRAY\n\ndata: PING\n\ndata: ANSWER\n\n",
    ),
    writing(EVENTS, "data: NULLERROR\n\n"),
    writing(EVENTS, "data: ANSWER"),
    writing(Some("Text/Event-Stream;charset=utf-8"), "data: ANSWER\n\n"),
];

impl Writing {
    async fn answer(self, exchange: &Exchange) {
        let Some(result) = exchange.plain_result() else {
            return;
        };
        let text = self
            .text
            .replace("LOG", LOG)
            .replace("PING", PING)
            .replace("STRAY", r#"{"jsonrpc":"2.0","id":"other","result":{}}"#)
            .replace("NULLERROR", &null_error(&exchange.id(), &result))
            .replace("ANSWER", &exchange.result(&result));
        exchange.respond(self.content_type, text).await;
    }
}

/// The answer with an `error` of null beside its result.
fn null_error(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","error":null,"id":{id},"result":{result}}}"#)
}

/// A server that writes like this in answers to every method but these.
fn writes(writing: Writing, plain: &'static [&'static str]) -> ScriptedServer {
    ScriptedServer::start(move |exchange| async move {
        match plain.contains(&exchange.method()) {
            true => drop(exchange.answer_plainly().await),
            false => writing.answer(&exchange).await,
        }
    })
}

async fn alice(pool: &SessionPool, server: &ScriptedServer, lifecycle: Lifecycle) -> PooledClient {
    user_of(pool, server, lifecycle, "alice").await
}

async fn user_of(
    pool: &SessionPool,
    server: &ScriptedServer,
    lifecycle: Lifecycle,
    user: &str,
) -> PooledClient {
    let over = match lifecycle {
        Lifecycle::Stateless => Over::StatelessHttp,
        _ => Over::LegacyHttp,
    };
    let client = pool.client(over.request(server, user)).await;
    client.expect("a client")
}

const ERAS: [Lifecycle; 2] = [Lifecycle::Legacy, Lifecycle::Stateless];
const HANDSHAKE: &[&str] = &["initialize", "server/discover"];

#[tokio::test]
async fn every_way_to_write_an_answer_is_read_in_calls_and_in_the_handshake() {
    for lifecycle in ERAS {
        for writing in WRITINGS {
            let server = writes(*writing, &[]);
            let pool = pool();
            let client = alice(&pool, &server, lifecycle).await;
            let count = call(&client, "count").await;
            assert_eq!(count.expect("a count"), 1, "{lifecycle:?} {writing:?}");
            assert_eq!(pool.stats().sessions_opened, 1);
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_handler_gets_what_comes_before_and_beside_an_answer_of_the_handshake_too() {
    for lifecycle in ERAS {
        for writing in WRITINGS {
            let logs = writing.text.matches("LOG").count();
            let server = writes(*writing, &[]);
            let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
            let handlers = Closures::default().on_notification(move |_, _| {
                let sent = sender.send(());
                async move { sent.expect("the test listens") }
            });
            let pool = builder(PoolConfig::default()).handlers(handlers).build();
            let pool = pool.expect("a pool");
            // The era is known for the second user: a stateless session has no handshake then.
            for user in ["alice", "bob"] {
                let client = user_of(&pool, &server, lifecycle, user).await;
                let called = tokio::time::timeout(LONG, call(&client, "count")).await;
                called.expect("the call ends").expect("a count");
                // Of the request that introduces the server, and of the call.
                for _ in 0..2 * logs {
                    let log = tokio::time::timeout(LONG, received.recv()).await;
                    log.unwrap_or_else(|_| panic!("{lifecycle:?} {writing:?} {user}"));
                }
            }
            let handshakes = server.count("initialize") + server.count("server/discover");
            assert!(handshakes <= 2, "{lifecycle:?} {writing:?}");
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_the_answer_is_a_typed_failure_at_once() {
    for text in [
        "LOG",
        "STRAY",
        "[LOG, STRAY]",
        "[]",
        "",
        "<html>",
        "{}",
        "7",
    ] {
        for lifecycle in ERAS {
            let server = writes(writing(JSON, text), HANDSHAKE);
            let pool = pool();
            let client = alice(&pool, &server, lifecycle).await;
            let began = tokio::time::Instant::now();
            let error = call(&client, "count").await.expect_err("no answer");
            assert!(began.elapsed() < LONG, "the deadline of a call is longer");
            let failure = error.failure().expect("a failure");
            assert_eq!(failure.kind(), &FaultKind::Protocol, "{lifecycle:?} {text}");
            assert!(matches!(error, CallError::OutcomeUnknown(_)), "{error:?}");
            assert!(failure.is_session_usable());
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn an_error_without_an_id_answers_the_request_whose_response_it_came_in() {
    for id in [r#""id":null,"#, ""] {
        for content_type in [JSON, EVENTS] {
            let error =
                format!(r#"{{"jsonrpc":"2.0",{id}"error":{{"code":-32001,"message":"no"}}}}"#);
            let text: Arc<str> = match content_type {
                EVENTS => format!("data: {error}\n\n").into(),
                _ => error.into(),
            };
            let server = ScriptedServer::start(move |exchange| {
                let text = text.to_string();
                async move {
                    match exchange.method() {
                        "tools/call" => exchange.respond(content_type, text).await,
                        _ => exchange.answer_plainly().await,
                    };
                }
            });
            let pool = pool();
            let client = alice(&pool, &server, Lifecycle::Legacy).await;
            let answer = client.call_tool(CallToolRequestParams::new("count")).await;
            let Err(CallError::Rpc(error)) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(error.code.0, -32001);
            close(&pool).await;
        }
    }
}

/// Longer than any step of these tests takes, and shorter than the deadline of a call.
const LONG: Duration = Duration::from_secs(20);
