//! Tokens, cookies, keys, session ids and queries appear nowhere but on the wire.

use std::{error::Error, fmt::Debug, time::Duration};

use http::{StatusCode, header};
use mcp_pool_testkit::{
    logs::LogCapture,
    server::{CounterServer, Form, Refusal},
};
use mcp_session_pool::{
    AcquireRequest, CallError, ConversationId, Endpoint, PoolConfig, Principal, Scope, SessionPool,
    SseConnector,
};

#[path = "suites/common.rs"]
#[expect(dead_code, reason = "the suites use more of it")]
mod common;

use common::{call, headers, pool, pool_over};

/// Everything secret that the tests plant.
const PLANTED: [&str; 7] = [
    "pl4nted-token",
    "pl4nted-cookie",
    "pl4nted-key",
    "pl4nted-query",
    "pl4nted-challenge",
    "pl4nted-conversation",
    "pl4nted-principal",
];

fn request(server: &CounterServer) -> AcquireRequest {
    let url = format!("{}?key=pl4nted-query", server.url());
    let transport = server.endpoint().transport().clone();
    let endpoint = Endpoint::new(&url, transport).expect("a url");
    AcquireRequest::new(endpoint, Principal::user("pl4nted-principal"))
        .with_scope(Scope::conversation("pl4nted-conversation"))
        .with_headers(headers(&[
            ("authorization", "Bearer pl4nted-token"),
            ("cookie", "sid=pl4nted-cookie"),
            ("x-api-key", "pl4nted-key"),
        ]))
}

fn show(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn chain(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?} ");
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!("{cause} {cause:?} ");
        source = cause.source();
    }
    text
}

/// Every way a call can go, and what all of it showed.
async fn a_busy_life(pool: &SessionPool, server: &mut CounterServer) -> String {
    let request = request(server);
    let mut shown = show(&request);
    let client = pool.client(request.clone()).await.expect("a client");
    call(&client, "increment").await.expect("a count");
    let lease = pool.acquire(&request).await.expect("a session");
    shown += &(show(&lease) + &show(&client) + &show(client.key()) + &show(lease.info()));
    drop(lease);
    let mut fails = |error: CallError| shown += &chain(&error);

    server.forget_sessions();
    fails(call(&client, "increment").await.expect_err("a loss"));
    call(&client, "increment").await.expect("a new session");
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED).with_header(
        header::WWW_AUTHENTICATE,
        "Bearer realm=\"pl4nted-challenge\"",
    );
    server.switches().refuse(refusal);
    fails(call(&client, "increment").await.expect_err("a refusal"));
    pool.drain();
    fails(call(&client, "increment").await.expect_err("a refusal"));
    server.switches().serve();
    call(&client, "increment").await.expect("a count");
    server.switches().lose_reply("tools/call");
    fails(call(&client, "increment").await.expect_err("a lost reply"));
    server.stop();
    fails(call(&client, "increment").await.expect_err("nobody there"));
    server.restart();
    call(&client, "increment").await.expect("a count");

    shown += &show(pool);
    shown += &show(&pool.stats());
    shown += &serde_json::to_string(&pool.stats()).expect("json");
    shown += &show(&ConversationId::new("pl4nted-conversation"));
    shown += &show(&pool.close(Duration::from_secs(10)).await);
    shown
}

#[tokio::test]
async fn nothing_secret_is_logged_at_any_level_by_anybody_or_shown_by_any_type() {
    let logs = LogCapture::begin();
    let mut server = CounterServer::start();
    let mut shown = a_busy_life(&pool(PoolConfig::default()), &mut server).await;
    let mut over_sse = CounterServer::start_as(Form::default().over_sse());
    let connector = SseConnector::new().expect("an http client");
    let pool = pool_over(connector, PoolConfig::default());
    shown += &a_busy_life(&pool, &mut over_sse).await;
    let text = logs.text();
    assert!(text.contains("session opened"), "the logs were captured");
    assert!(text.contains("rmcp"), "those of rmcp too");
    let mut secrets: Vec<String> = PLANTED.map(str::to_owned).to_vec();
    for server in [&server, &over_sse] {
        let known = secrets.len();
        secrets.extend(server.seen().into_iter().filter_map(|seen| seen.session));
        assert!(secrets.len() > known, "there were sessions");
    }
    for secret in secrets {
        for line in text.lines() {
            assert!(!line.contains(&secret), "logged: {line}");
        }
        assert!(!shown.contains(&secret), "shown: {secret}: {shown}");
    }
}
