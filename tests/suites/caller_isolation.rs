//! Callers that share a session or a server keep their own credentials, headers, calls and messages.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    time::Duration,
};

use http::{HeaderName, header};
use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    PooledClient, Scope,
    rmcp::model::{CallToolRequestParams, ContentBlock},
};

use crate::{
    common::{builder, call, close, eventually, headers, pool, request},
    handlers::Answering,
    isolation::{config, with},
};

#[tokio::test]
async fn concurrent_callers_of_one_session_each_send_their_own_credentials() {
    let server = CounterServer::start();
    let pool = pool(
        config()
            .with_max_concurrent_per_session(NonZeroU32::new(40).expect("not zero"))
            .with_identity_headers(vec![HeaderName::from_static("x-user-id")]),
    );
    let callers = (0..40).map(|number| {
        let token = format!("Bearer token-{number}");
        let pairs = [("x-user-id", "alice"), ("authorization", &*token)];
        let (pool, request) = (&pool, with(&server, &pairs));
        async move {
            let client = pool.client(request).await.expect("a client");
            call(&client, "increment").await.expect("a count")
        }
    });
    let counts = futures::future::join_all(callers).await;
    let counts: BTreeSet<_> = counts.into_iter().collect();
    assert_eq!(counts, (1..=40).collect(), "one session");
    let seen = server.seen();
    let calls = seen.iter().filter(|seen| seen.method == "tools/call");
    let sent: BTreeSet<_> = calls
        .map(|seen| &seen.headers[header::AUTHORIZATION])
        .collect();
    assert_eq!(sent.len(), 40, "each its own token");
    close(&pool).await;
}

#[tokio::test]
async fn headers_of_one_request_are_never_sent_with_another() {
    let server = CounterServer::start();
    let pool = pool(config());
    let traced = with(&server, &[("traceparent", "00-of-the-request")]);
    let client = pool.client(traced).await.expect("a client");
    for refused in ["x-not-listed", "authorization"] {
        let smuggled = headers(&[("x-request-id", "7"), (refused, "Bearer smuggled")]);
        let error = client.with_call_headers(&smuggled).expect_err("refused");
        assert!(error.to_string().contains(refused), "{error}");
        assert!(!error.to_string().contains("smuggled"), "{error}");
    }
    let own = client
        .with_call_headers(&headers(&[
            ("traceparent", "00-of-the-call"),
            ("x-request-id", "7"),
        ]))
        .expect("both are per-call headers");
    let plain = pool.client(with(&server, &[])).await.expect("a client");
    for client in [&own, &client, &plain] {
        call(client, "increment").await.expect("a count");
    }
    close(&pool).await;
    let of = |name: &str, method: &str| -> Vec<_> {
        let seen = server
            .seen()
            .into_iter()
            .filter(|seen| seen.method == method);
        let value = seen.map(|seen| seen.headers.get(name).cloned());
        value
            .map(|value| value.map(|value| value.to_str().expect("text").to_owned()))
            .collect()
    };
    let traces = [
        Some("00-of-the-call".to_owned()),
        Some("00-of-the-request".to_owned()),
        None,
    ];
    assert_eq!(of("traceparent", "tools/call"), traces);
    assert_eq!(
        of("x-request-id", "tools/call"),
        [Some("7".to_owned()), None, None]
    );
    for name in ["x-not-listed", "authorization"] {
        assert_eq!(of(name, "tools/call"), [None, None, None], "{name}");
    }
    for method in ["initialize", "notifications/initialized", "DELETE"] {
        assert_eq!(of("traceparent", method), [None], "{method}");
    }
}

#[tokio::test]
async fn a_cancelled_call_ends_no_other_call() {
    let server = CounterServer::start();
    // The calls are under way until all have arrived and one has left.
    server.switches().delay_tools(Duration::from_secs(5));
    let pool =
        pool(config().with_max_concurrent_per_session(NonZeroU32::new(2).expect("not zero")));
    let of = async |user| {
        let client = pool.client(request(server.endpoint(), user)).await;
        let client = client.expect("a client");
        call(&client, "increment").await.expect("a count");
        client
    };
    let (alice, bob) = (of("alice").await, of("bob").await);
    let all_run = eventually("all run", || server.count("tools/call") == 5);
    let left = async {
        tokio::select! {
            _ = call(&alice, "wait") => panic!("it was answered"),
            () = all_run => {}
        }
    };
    let (second, bobs) = (call(&alice, "wait"), call(&bob, "wait"));
    let ((), second, bobs) = futures::future::join3(left, second, bobs).await;
    second.expect("on the same session");
    bobs.expect("on the session of bob");
    eventually("the server has received the cancellation", || {
        server.count("notifications/cancelled") == 1
    })
    .await;
    let by_session = server.count_by_session("notifications/cancelled");
    let calls = server.count_by_session("tools/call");
    let cancelled: Vec<_> = by_session.keys().map(|session| calls[session]).collect();
    assert_eq!(
        cancelled,
        [3],
        "on the session with three calls, which is Alice's"
    );
    close(&pool).await;
}

/// Calls a tool and returns its text.
async fn call_for_text(client: &PooledClient, tool: &'static str) -> String {
    let result = client.call_tool(CallToolRequestParams::new(tool)).await;
    let content = result.expect("an answer").content;
    let text = content.first().and_then(ContentBlock::as_text);
    text.expect("a text").text.clone()
}

#[tokio::test]
async fn server_requests_and_notifications_reach_only_their_caller() {
    let server = CounterServer::start();
    let answering = Answering::default();
    let pool = builder(config()).handlers(answering.clone()).build();
    let pool = pool.expect("a pool");
    let talk = Scope::conversation("-talk");
    let alice = request(server.endpoint(), "alice");
    let requests = [
        ("alice", alice.clone()),
        ("alice-talk", alice.with_scope(talk)),
        ("bob", request(server.endpoint(), "bob")),
        ("carol", request(server.endpoint(), "carol")),
    ];
    let callers = requests.iter().map(|(name, request)| {
        let pool = &pool;
        async move {
            let client = pool.client(request.clone()).await.expect("a client");
            call(&client, "increment").await.expect("a count");
            if *name == "carol" {
                return;
            }
            let calls = [
                call_for_text(&client, "sample"),
                call_for_text(&client, "elicit"),
            ];
            for answer in futures::future::join_all(calls).await {
                assert!(answer.contains(&format!("\"{name}\"")), "{name}: {answer}");
            }
            call_for_text(&client, "progress").await;
            call_for_text(&client, "announce").await;
        }
    });
    futures::future::join_all(callers).await;
    let all = vec!["elicitation", "list changed", "progress", "sampling"];
    let each = ["alice", "alice-talk", "bob"].map(|name| (name.to_owned(), all.clone()));
    let expected = BTreeMap::from(each);
    eventually("each caller has received its own", || {
        answering.received() == expected
    })
    .await;
    close(&pool).await;
}
