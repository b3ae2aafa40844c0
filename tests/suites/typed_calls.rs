//! Tool calls with the types of the caller, on real servers of both transports and eras.

use std::collections::BTreeMap;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    PoolConfig, PooledClient, SseConnector,
    error::{CallError, Outcome},
    rmcp::model::ContentBlock,
};
use serde_json::{Value, json};

use crate::common::{builder, client, close};

/// Every combination of a transport and an era that there is.
fn all_modes() -> [Modes; 4] {
    let modes = Modes::default;
    [
        modes().legacy_only(),
        modes().over_sse(),
        modes().stateless_only(),
        modes().stateless_only().with_json(),
    ]
}

/// Runs `test` with a client of each server.
async fn on_each_server(test: impl AsyncFn(&PooledClient, &CounterServer)) {
    for modes in all_modes() {
        let server = CounterServer::start_as(modes);
        let builder = builder(PoolConfig::default());
        let builder = builder.connector(SseConnector::new().expect("an http client"));
        let pool = builder.build().expect("a valid configuration");
        let client = client(&pool, &server, "alice").await;
        println!("{modes:?}");
        test(&client, &server).await;
        assert_eq!(pool.stats().sessions_opened, 1, "{modes:?}: it is kept");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_structured_result_has_the_type_of_the_caller() {
    on_each_server(async |client, _| {
        let sent = BTreeMap::from([("one".to_owned(), 1), ("two".to_owned(), 2)]);
        let got = client.call_tool_typed::<BTreeMap<String, i64>>("echo", &sent);
        assert_eq!(got.await.expect("the arguments"), sent);
        let got = client.call_tool_typed::<Value>("echo", &()).await;
        assert_eq!(got.expect("no arguments"), json!({}));
        let got = client.call_tool_typed::<Vec<i64>>("echo", &sent).await;
        let error = got.expect_err("an object is no list");
        assert!(matches!(error, CallError::UnexpectedResult), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Answered);
    })
    .await;
}

#[tokio::test]
async fn a_text_is_a_string_or_the_json_that_it_holds() {
    on_each_server(async |client, _| {
        let name = json!({ "name": "alice" });
        let text = client.call_tool_typed::<String>("greet", &name).await;
        assert_eq!(text.expect("a text"), "hello, alice");
        let count = client.call_tool_typed::<u64>("increment", &()).await;
        assert_eq!(count.expect("a count"), 1);
        let error = client.call_tool_typed::<u64>("greet", &name).await;
        let error = error.expect_err("a greeting is no number");
        assert!(matches!(error, CallError::UnexpectedResult), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_failure_of_a_tool_is_an_error_with_its_content() {
    on_each_server(async |client, _| {
        let error = client.call_tool_typed::<String>("refuse", &()).await;
        let error = error.expect_err("the tool failed");
        assert_eq!(error.outcome(), Outcome::Answered);
        let CallError::ToolFailed(result) = error else {
            panic!("{error:?}");
        };
        let text = result.content.first().and_then(ContentBlock::as_text);
        assert_eq!(text.expect("a text").text, "refused by the tool");
    })
    .await;
}

#[tokio::test]
async fn arguments_that_are_no_object_are_refused_and_nothing_is_sent() {
    on_each_server(async |client, server| {
        client
            .call_tool_typed::<u64>("count", &())
            .await
            .expect("0");
        let before = server.count("tools/call");
        let outcomes = [
            client.call_tool_typed::<Value>("echo", &7).await,
            client.call_tool_typed::<Value>("echo", &"text").await,
            client.call_tool_typed::<Value>("echo", &[1, 2]).await,
            // A map whose keys are no strings has no form in JSON.
            client
                .call_tool_typed::<Value>("echo", &BTreeMap::from([((1, 2), 3)]))
                .await,
        ];
        for outcome in outcomes {
            let error = outcome.expect_err("no object");
            assert!(matches!(error, CallError::Arguments(_)), "{error:?}");
            assert_eq!(error.outcome(), Outcome::NotExecuted);
        }
        assert_eq!(server.count("tools/call"), before);
    })
    .await;
}
