//! A connection that dies under an opening or a check costs neither.

use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
};

use mcp_pool_testkit::{RawServer, Reply};
use mcp_session_pool::{PoolConfig, config::Lifecycle};

use crate::setup::{Refuse, call, client, close, pool};

/// The ways in which the answer to `initialize` breaks off after its head.
const BREAKS: [(&str, Refuse); 3] = [
    ("half a body", |request| {
        request.plain_reply("first").broken_off_after(150)
    }),
    ("half a stream", |_| stream(": hello\n\n")),
    ("half a stream with an id", |_| {
        stream("id: 7\nretry: 10\ndata:\n\n")
    }),
];

/// An event stream of the session `first`, which breaks off.
fn stream(text: &str) -> Reply {
    let head = "HTTP/1.1 200 X\r\nmcp-session-id: first\r\ntransfer-encoding: chunked\r\n";
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    let bytes = format!("{head}content-type: text/event-stream\r\n\r\n{chunk}");
    Reply::bytes(bytes.into_bytes()).then_close()
}

#[tokio::test]
async fn an_opening_whose_answer_breaks_off_is_made_again_and_its_session_is_closed() {
    for (name, break_off) in BREAKS {
        let opened = AtomicUsize::new(0);
        let server = RawServer::start(move |request| {
            let opens = request.method() == "initialize";
            match opens && opened.fetch_add(1, Ordering::SeqCst) == 0 {
                true => break_off(request),
                false => request.plain_reply("second"),
            }
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        call(&alice, "count").await.expect(name);
        close(&pool).await;
        assert_eq!(server.count("initialize"), 2, "{name}");
        assert_eq!(server.count("GET"), 0, "{name}: nothing is resumed");
        let seen = server.seen().into_iter();
        let deleted = seen.filter(|seen| seen.method() == "DELETE");
        let mut deleted: Vec<_> = deleted.map(|seen| seen.session().to_owned()).collect();
        deleted.sort();
        assert_eq!(deleted, ["first", "second"], "{name}");
    }
}

#[tokio::test]
async fn an_opening_whose_answers_all_break_off_ends() {
    let server = RawServer::start(|request| match request.method() {
        "initialize" => request.plain_reply("").broken_off_after(150),
        _ => request.plain_reply(""),
    });
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    let error = call(&alice, "count").await.expect_err("no session");
    assert_eq!(error.label(), "unreachable");
    assert_eq!(server.count("initialize"), 3);
    close(&pool).await;
}

#[tokio::test]
async fn a_session_whose_last_word_of_the_handshake_dies_is_opened_once() {
    for reply in [Reply::cut(), Reply::reset()] {
        let notified = AtomicUsize::new(0);
        let server = RawServer::start(move |request| {
            let is_last = request.method() == "notifications/initialized";
            match is_last && notified.fetch_add(1, Ordering::SeqCst) == 0 {
                true => reply.clone(),
                false => request.plain_reply("session"),
            }
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        call(&alice, "count").await.expect("an answer");
        assert_eq!(server.count("initialize"), 1);
        assert_eq!(server.count("DELETE"), 0);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_session_whose_check_dies_on_its_connection_is_kept() {
    for reply in [Reply::cut(), Reply::reset()] {
        let checked = AtomicUsize::new(0);
        let server = RawServer::start(move |request| match (request.method(), request.tool()) {
            (_, "broken") => Reply::reset(),
            ("ping", _) if checked.fetch_add(1, Ordering::SeqCst) == 0 => reply.clone(),
            _ => request.plain_reply("session"),
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        call(&alice, "broken").await.expect_err("a reset");
        call(&alice, "count").await.expect("an answer");
        assert_eq!(server.count("initialize"), 1);
        assert_eq!(server.count("ping"), 2);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_session_id_that_another_key_has_is_refused_and_the_error_gives_the_reason() {
    let server = RawServer::start(|request| request.plain_reply("the-only-one"));
    let pool = pool(PoolConfig::default());
    let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
    call(&alice, "count").await.expect("an answer");
    let bob = client(&pool, server.endpoint(Lifecycle::Legacy), "bob").await;
    let error = bob.acquire().await.expect_err("it is alice's session");
    let sources = std::iter::successors(Some(&error as &dyn Error), |error| (*error).source());
    let text: Vec<_> = sources.map(ToString::to_string).collect();
    let text = text.join(": ");
    assert!(text.contains("session id of another key"), "{text}");
    assert!(!text.contains("the-only-one"), "{text}");
    call(&alice, "count")
        .await
        .expect("her session is unharmed");
    close(&pool).await;
}
