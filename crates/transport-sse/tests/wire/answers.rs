//! Each call gets its own answer, in whatever form the server writes it.

use std::collections::BTreeSet;

use http::StatusCode;
use mcp_pool_core::{
    error::{FaultKind, Outcome},
    extend::{ConnectRequest, Connector},
};
use serde_json::{Value, json};

use crate::{
    call, connector, eventually,
    scripted::{Reply, Scripted, event, handshake, initialize_answer, stream, tool_answer},
    text,
};

/// A server that answers each tool call with the name of the tool.
fn echo(message: &Value) -> Reply {
    handshake(message).unwrap_or_else(|| match message["params"]["name"].as_str() {
        Some(name) => stream(event(&tool_answer(message, name))),
        None => Reply::default(),
    })
}

#[tokio::test]
async fn no_id_is_used_twice_by_several_sessions() {
    let server = Scripted::start(echo);
    for _ in 0..10 {
        let session = server.connect(&connector()).await;
        for number in 0..5 {
            let name = format!("tool-{number}");
            let answer = call(&session, &name).await.expect("an answer");
            assert_eq!(text(&answer), name);
        }
    }
    let posted = server.posted();
    let ids = posted.iter().map(|posted| &posted.message["id"]);
    let ids: Vec<String> = ids
        .filter(|id| !id.is_null())
        .map(Value::to_string)
        .collect();
    assert_eq!(ids.len(), 10 * (1 + 5));
    let different: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_gets_its_own_answer_where_a_bridge_broadcasts_all() {
    let server = Scripted::start(|message| Reply {
        broadcast: true,
        ..echo(message)
    });
    let mut sessions = Vec::new();
    for user in 0..5 {
        sessions.push((user, server.connect(&connector()).await));
    }
    let calls = sessions.iter().map(|(user, session)| async move {
        for number in 0..200 {
            let name = format!("user-{user}-{number}");
            let answer = call(session, &name).await.expect("an answer");
            assert_eq!(text(&answer), name);
        }
    });
    futures::future::join_all(calls).await;
}

#[tokio::test]
async fn comments_pings_and_messages_before_the_answer_of_initialize_are_skipped() {
    let server = Scripted::start(|message| match message["method"].as_str() {
        Some("initialize") => {
            let stray = json!({"jsonrpc": "2.0", "id": 0, "result": {}});
            let log = json!({"jsonrpc": "2.0", "method": "notifications/message",
                "params": {"level": "info", "data": "x"}});
            let ping = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"});
            let answer = event(&initialize_answer(message));
            let before = [event(&stray), event(&log), event(&ping)].concat();
            let noise = ": hi\n\nevent: ping\ndata: 2026-11-28\n\nretry: 1\nwhat is this\n\n";
            stream(format!("{noise}{before}{answer}{answer}"))
        }
        _ => echo(message),
    });
    let session = server.connect(&connector()).await;
    let answer = call(&session, "x").await.expect("an answer");
    assert_eq!(text(&answer), "x");
    // The answer to the ping comes on a connection of its own.
    let pong = || {
        let mut posted = server.posted().into_iter();
        posted.find(|posted| posted.message["id"] == "p")
    };
    eventually("the ping is answered", || pong().is_some()).await;
    assert_eq!(pong().expect("seen").message["result"], json!({}));
}

#[tokio::test]
async fn a_batch_is_read() {
    let server = Scripted::start(|message| {
        handshake(message).unwrap_or_else(|| {
            let stray = json!({"jsonrpc": "2.0", "id": "stray", "result": {}});
            let log = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": 7});
            let answer = tool_answer(message, "batched");
            stream(event(&json!([stray, log, 5, answer])))
        })
    });
    let session = server.connect(&connector()).await;
    let answer = call(&session, "x").await.expect("an answer");
    assert_eq!(text(&answer), "batched");
}

#[tokio::test]
async fn a_malformed_answer_ends_its_own_call_and_leaves_the_session() {
    let server = Scripted::start(|message| {
        let id = &message["id"];
        handshake(message).unwrap_or_else(|| match message["params"]["name"].as_str() {
            Some("empty") => stream(event(&json!({"jsonrpc": "2.0", "id": id}))),
            Some("null") => stream(event(&json!({"id": id, "result": null}))),
            Some("batch") => stream(event(&json!([{"id": id}, 7]))),
            Some("cut") => stream(format!("data: {{\"id\":{id},\"result\":{{\"co\n\n")),
            _ => echo(message),
        })
    });
    let session = server.connect(&connector()).await;
    let null = call(&session, "null").await.expect("an answer");
    assert_eq!(null.raw().map(|raw| raw.get()), Some("null"));
    for name in ["empty", "batch", "cut"] {
        let failure = call(&session, name).await.expect_err("no answer");
        assert_eq!(failure.kind(), &FaultKind::Protocol, "{name}");
        assert_eq!(failure.outcome(), Outcome::Unknown, "{name}");
        assert!(failure.is_session_usable(), "{name}");
        let answer = call(&session, "x").await.expect("an answer");
        assert_eq!(text(&answer), "x");
    }
    assert!(!session.is_over());
}

#[tokio::test]
async fn a_malformed_answer_leaves_the_other_calls() {
    let server = Scripted::start(|message| {
        handshake(message).unwrap_or_else(|| match message["params"]["name"].as_str() {
            // Its answer comes with that of the other call.
            Some("slow") => Reply::default(),
            _ => stream(event(&json!({"jsonrpc": "2.0", "id": message["id"]}))),
        })
    });
    let session = server.connect(&connector()).await;
    let slow = async {
        let called = call(&session, "slow");
        tokio::pin!(called);
        loop {
            tokio::select! {
                answer = &mut called => return answer,
                () = tokio::time::sleep(std::time::Duration::from_millis(10)) => {}
            }
            let slow = server.posted();
            let slow = slow
                .iter()
                .find(|posted| posted.message["params"]["name"] == "slow");
            if let Some(slow) = slow {
                call(&session, "bad").await.expect_err("no answer");
                server.write(&event(&tool_answer(&slow.message, "slow")));
                return called.await;
            }
        }
    };
    assert_eq!(text(&slow.await.expect("an answer")), "slow");
}

#[tokio::test]
async fn a_result_or_an_error_in_the_response_to_the_post_is_the_answer() {
    let server = Scripted::start(|message| {
        handshake(message).unwrap_or_else(|| {
            let error = json!({"jsonrpc": "2.0", "id": message["id"],
                "error": {"code": -32602, "message": "no"}});
            let result = tool_answer(message, "in the response").to_string();
            let response = match message["params"]["name"].as_str() {
                Some("result") => (StatusCode::OK, result),
                Some("odd status") => (StatusCode::INTERNAL_SERVER_ERROR, result),
                Some("error") => (StatusCode::OK, error.to_string()),
                _ => (StatusCode::BAD_REQUEST, error.to_string()),
            };
            Reply {
                response: Some(response),
                ..Reply::default()
            }
        })
    });
    let session = server.connect(&connector()).await;
    for name in ["result", "odd status"] {
        let answer = call(&session, name).await.expect("an answer");
        assert_eq!(text(&answer), "in the response", "{name}");
    }
    for name in ["error", "refused"] {
        let answer = call(&session, name).await.expect("an answer");
        let code = answer.error().map(|error| error.code.0);
        assert_eq!(code, Some(-32602), "{name}");
    }
}

#[tokio::test]
async fn the_result_is_passed_on_as_the_server_wrote_it() {
    let result = r#"{"content":[{"type":"hologram","z":1,"a":[1.50,"\u00e9"]}],"x-own":{"b":1}}"#;
    let server = Scripted::start(move |message| {
        handshake(message).unwrap_or_else(|| {
            let id = &message["id"];
            stream(format!(
                "data: {{\"id\":{id},\"result\":{result},\"error\":null}}\n\n"
            ))
        })
    });
    let session = server.connect(&connector()).await;
    let answer = call(&session, "x").await.expect("an answer");
    assert_eq!(answer.raw().expect("a result").get(), result);
}

#[tokio::test]
async fn every_request_after_initialize_names_the_revision() {
    let server = Scripted::start(echo);
    let session = server.connect(&connector()).await;
    call(&session, "x").await.expect("an answer");
    let revisions: Vec<_> = server
        .posted()
        .iter()
        .map(|posted| posted.headers.get("mcp-protocol-version").cloned())
        .collect();
    let named = Some(http::HeaderValue::from_static("2024-11-05"));
    assert_eq!(revisions, [None, named.clone(), named]);
}

#[tokio::test]
async fn an_initialize_that_is_refused_or_unreadable_is_a_protocol_violation() {
    for answer in [
        json!({"error": {"code": -32602, "message": "s3cret"}}),
        json!({"result": {"protocolVersion": "1999-01-01", "capabilities": {},
            "serverInfo": {"name": "s", "version": "1"}}}),
        json!({"result": {}}),
        json!({}),
    ] {
        let server = Scripted::start(move |message| {
            let mut answer = answer.clone();
            answer["id"] = message["id"].clone();
            stream(event(&answer))
        });
        let request = ConnectRequest::detached(&server.endpoint(), http::HeaderMap::new());
        let error = connector().connect(&request).await.expect_err("an error");
        assert_eq!(error.kind(), &FaultKind::Protocol);
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
