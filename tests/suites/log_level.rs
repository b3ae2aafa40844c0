//! The level of the log is kept for a key, whichever session serves it.
#![expect(deprecated, reason = "servers with sessions do log")]

use http::{HeaderMap, StatusCode};
use mcp_pool_testkit::{Front, ScriptedServer};
use mcp_session_pool::{
    PoolConfig, PooledClient, Scope, SessionPool,
    error::CallError,
    rmcp::model::{CallToolRequestParams, LoggingLevel, RequestMetaObject},
};
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    common::close,
    over::{Over, builder, pool},
};

const LEVEL: &str = "io.modelcontextprotocol/logLevel";

fn plain() -> ScriptedServer {
    ScriptedServer::start(|exchange| async move {
        exchange.answer_plainly().await;
    })
}

async fn client(
    pool: &SessionPool,
    over: Over,
    server: &ScriptedServer,
    user: &str,
) -> PooledClient {
    let client = pool.client(over.request(server, user)).await;
    client.expect("a client")
}

/// The methods of the messages so far, without those of the handshake.
fn methods(server: &ScriptedServer) -> Vec<String> {
    let messages = server.messages();
    let methods = messages.iter().filter_map(|it| it["method"].as_str());
    methods
        .filter(|method| ["logging/setLevel", "tools/call"].contains(method))
        .map(str::to_owned)
        .collect()
}

async fn call(client: &PooledClient) {
    let params = CallToolRequestParams::new("any");
    client.call_tool(params).await.expect("an answer");
}

#[tokio::test]
async fn every_open_session_of_the_key_gets_the_level_and_each_later_one_before_its_first_call() {
    for over in Over::IN_SESSIONS {
        let server = plain();
        let pool = pool();
        let alice = client(&pool, over, &server, "alice").await;
        let two = [
            alice.acquire().await.expect("a session"),
            alice.acquire().await.expect("a session"),
        ];
        let [one, other] = two;
        drop(one);
        alice
            .set_log_level(LoggingLevel::Debug)
            .await
            .expect("a level");
        assert_eq!(server.count("logging/setLevel"), 2, "{over:?}");
        other.discard();
        let kept = alice.acquire().await.expect("the other session");
        call(&alice).await;
        let expected = [
            "logging/setLevel",
            "logging/setLevel",
            "logging/setLevel",
            "tools/call",
        ];
        assert_eq!(methods(&server), expected, "{over:?}");
        // Once a session.
        call(&alice).await;
        assert_eq!(server.count("logging/setLevel"), 3, "{over:?}");
        let bob = client(&pool, over, &server, "bob").await;
        call(&bob).await;
        assert_eq!(server.count("logging/setLevel"), 3, "{over:?}");
        drop(kept);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_session_that_takes_the_place_of_a_lost_one_gets_the_level() {
    let forgotten = Arc::new(AtomicUsize::new(0));
    let until = Arc::clone(&forgotten);
    let server = ScriptedServer::start_behind(
        move |request| {
            let session = request.header("mcp-session-id").unwrap_or_default();
            let number = session.strip_prefix("session-");
            let number = number.and_then(|number| number.parse::<usize>().ok());
            match number.is_some_and(|number| number < until.load(Ordering::SeqCst)) {
                true => Front::Respond(StatusCode::NOT_FOUND, HeaderMap::new()),
                false => Front::Pass(HeaderMap::new()),
            }
        },
        |exchange| async move {
            exchange.answer_plainly().await;
        },
    );
    let pool = pool();
    let alice = client(&pool, Over::LegacyHttp, &server, "alice").await;
    alice
        .set_log_level(LoggingLevel::Warning)
        .await
        .expect("a level");
    call(&alice).await;
    forgotten.store(1, Ordering::SeqCst);
    call(&alice).await;
    let expected = [
        "logging/setLevel",
        "tools/call",
        "logging/setLevel",
        "tools/call",
    ];
    assert_eq!(methods(&server), expected);
    let levels = server.messages();
    let levels = levels
        .iter()
        .filter(|it| it["method"] == "logging/setLevel");
    assert!(
        levels
            .into_iter()
            .all(|it| it["params"]["level"] == "warning")
    );
    close(&pool).await;
}

#[tokio::test]
async fn without_sessions_every_later_request_of_the_key_names_the_level() {
    let server = plain();
    let pool = pool();
    let alice = client(&pool, Over::StatelessHttp, &server, "alice").await;
    let bob = client(&pool, Over::StatelessHttp, &server, "bob").await;
    alice
        .set_log_level(LoggingLevel::Error)
        .await
        .expect("a level");
    assert_eq!(server.count("logging/setLevel"), 0);
    call(&alice).await;
    call(&bob).await;
    let mut own = CallToolRequestParams::new("any");
    let mut meta = RequestMetaObject::default();
    meta.set_log_level(LoggingLevel::Debug);
    own.meta = Some(meta);
    alice.call_tool(own).await.expect("an answer");
    let messages = server.messages();
    let calls = messages.iter().filter(|it| it["method"] == "tools/call");
    let levels: Vec<_> = calls
        .map(|it| it["params"]["_meta"][LEVEL].clone())
        .collect();
    assert_eq!(
        levels,
        [Value::from("error"), Value::Null, Value::from("debug")]
    );
    close(&pool).await;
}

#[tokio::test]
async fn a_level_that_the_server_refuses_is_not_kept() {
    for over in Over::IN_SESSIONS {
        let server = ScriptedServer::start(|exchange| async move {
            if exchange.method() == "logging/setLevel" {
                let error = format!(
                    r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32601,"message":"no"}}}}"#,
                    exchange.id()
                );
                exchange.send(&error).await;
                return;
            }
            exchange.answer_plainly().await;
        });
        let pool = pool();
        let alice = client(&pool, over, &server, "alice").await;
        let error = alice.set_log_level(LoggingLevel::Debug).await;
        let error = error.expect_err("it is refused");
        assert!(matches!(error, CallError::Rpc(_)), "{error:?}");
        call(&alice).await;
        assert_eq!(
            methods(&server),
            ["logging/setLevel", "tools/call"],
            "{over:?}"
        );
        close(&pool).await;
    }
}

#[tokio::test]
async fn no_caller_sets_the_level_of_a_session_that_all_share() {
    let server = plain();
    let config = PoolConfig::default();
    let pool = builder(config).build().expect("a pool");
    let endpoint = Over::StatelessHttp.endpoint(&server);
    let endpoint = endpoint.declared_stateless_and_public();
    let request =
        mcp_session_pool::AcquireRequest::new(endpoint, mcp_session_pool::Principal::user("alice"));
    let request = request.with_scope(Scope::Shared);
    let alice = pool.client(request).await.expect("a client");
    let error = alice.set_log_level(LoggingLevel::Debug).await;
    let error = error.expect_err("no single caller");
    assert_eq!(error.label(), "no_caller");
    close(&pool).await;
}
