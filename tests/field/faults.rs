//! What callers get agrees with what the server executed, whatever goes wrong.

use std::time::Duration;

use mcp_pool_testkit::{Fault, FaultServer, Ledger, When, Wire, Wrong};
use mcp_session_pool::{
    PoolConfig, PooledClient,
    config::Lifecycle,
    error::{CallError, Outcome},
    rmcp::model::{CallToolRequestParams, ReadResourceRequestParams},
};
use serde_json::json;

use crate::setup::{client, close, conversation, pool, until};

const ALL: [(Wire, Lifecycle); 5] = [
    (Wire::Json, Lifecycle::Legacy),
    (Wire::Json, Lifecycle::Stateless),
    (Wire::Events, Lifecycle::Legacy),
    (Wire::Events, Lifecycle::Stateless),
    (Wire::Sse, Lifecycle::Legacy),
];

/// Faults of one request, each with whether the call was executed.
fn faults() -> Vec<(Fault, bool)> {
    let (before, after) = (false, true);
    vec![
        (Fault::ClosedBefore, before),
        (Fault::ResetBefore, before),
        (Fault::Status(503), before),
        (Fault::SessionsForgotten, before),
        (Fault::ReplyLost, after),
        (Fault::ClosedInBody, after),
        (Fault::ResetInBody, after),
        (Fault::StatusAfter(404), after),
        (Fault::StatusAfter(502), after),
        (Fault::Garbage, after),
        (Fault::Duplicate, after),
        (Fault::Stray, after),
    ]
}

/// Calls whose server is silent end soon, and no other call does on a slow machine.
fn short() -> PoolConfig {
    PoolConfig::default()
        .with_call_timeout(Duration::from_secs(3))
        .with_health_check_timeout(Duration::from_secs(1))
}

fn nth(method: &str, nth: u64) -> When {
    When::Nth(method.to_owned(), nth)
}

async fn change(client: &PooledClient, id: &str) -> Result<String, CallError> {
    let arguments = json!({ "id": id }).as_object().cloned();
    let params = CallToolRequestParams::new("record").with_arguments(arguments.unwrap_or_default());
    let result = client.call_tool(params).await?;
    let text = result.content.first().and_then(|content| content.as_text());
    Ok(text.map(|text| text.text.clone()).unwrap_or_default())
}

async fn read(client: &PooledClient, id: &str) -> Result<(), CallError> {
    let params = ReadResourceRequestParams::new(format!("call://{id}"));
    client.read_resource(params).await.map(drop)
}

fn outcome<T>(result: &Result<T, CallError>) -> Outcome {
    let error = result
        .as_ref()
        .map_or_else(CallError::outcome, |_| Outcome::Answered);
    match (error, result) {
        // An error of the server proves nothing.
        (Outcome::Answered, Err(_)) => Outcome::Unknown,
        (outcome, _) => outcome,
    }
}

/// Calls until a call is answered, for a time that is long for any machine.
async fn recovered(client: &PooledClient) -> Result<String, CallError> {
    let mut number = 0;
    loop {
        let result = change(client, &format!("later-{number}")).await;
        if result.is_ok() || number == 100 {
            return result;
        }
        number += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn checked(ledger: &Ledger, id: &str, outcome: Outcome) -> Result<(), Wrong> {
    ledger.check(id, outcome, false)
}

#[tokio::test]
async fn a_call_that_a_fault_strikes_has_the_outcome_that_the_server_counted() {
    for (wire, era) in ALL {
        for (fault, is_after) in faults() {
            let name = format!("{} over {wire:?}, {era:?}", fault.name());
            let server = FaultServer::start(wire, era);
            let pool = pool(short());
            let alice = client(&pool, server.endpoint(), "alice").await;
            change(&alice, "first").await.expect(&name);
            server.arm(fault, nth("tools/call", 1));
            let struck = change(&alice, "struck").await;
            assert_eq!(server.strikes(), 1, "{name}");
            let ledger = server.ledger();
            assert_eq!(
                checked(&ledger, "struck", outcome(&struck)),
                Ok(()),
                "{name}"
            );
            if is_after {
                assert_eq!(ledger.executions("struck"), 1, "{name}");
            }
            assert_eq!(change(&alice, "last").await.expect(&name), "last");
            close(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_repeated_read_is_never_reported_as_not_executed_once_it_may_have_been() {
    for fault in [Fault::ReplyLost, Fault::ClosedInBody, Fault::ResetInBody] {
        let server = FaultServer::start(Wire::Sse, Lifecycle::Legacy);
        let pool = pool(short());
        let talk = conversation(&pool, server.endpoint(), "talk").await;
        read(&talk, "first").await.expect("an answer");
        let name = fault.name();
        server.arm(fault, nth("resources/read", 1));
        let error = read(&talk, "struck").await.expect_err(&name);
        assert_eq!(server.ledger().executions("struck"), 1, "{name}");
        assert_eq!(error.outcome(), Outcome::Unknown, "{name}: {error:?}");
        let next = read(&talk, "next").await.expect_err(&name);
        assert!(matches!(next, CallError::SessionLost), "{name}: {next:?}");
        read(&talk, "last").await.expect("an answer");
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_pool_is_usable_again_after_a_restart_and_after_silence() {
    let down = Duration::from_millis(100);
    let faults = [
        Fault::Restart {
            down,
            keeps_sessions: false,
        },
        Fault::Restart {
            down,
            keeps_sessions: true,
        },
        Fault::SlowAccept(down),
        Fault::HalfOpen,
    ];
    for (wire, era) in ALL {
        for fault in faults.clone() {
            let name = format!("{} over {wire:?}, {era:?}", fault.name());
            let server = FaultServer::start(wire, era);
            let pool = pool(short());
            let alice = client(&pool, server.endpoint(), "alice").await;
            change(&alice, "first").await.expect(&name);
            server.arm(fault, nth("tools/call", 1));
            let struck = change(&alice, "struck").await;
            let ledger = server.ledger();
            assert_eq!(
                checked(&ledger, "struck", outcome(&struck)),
                Ok(()),
                "{name}"
            );
            let answered = recovered(&alice).await;
            assert!(answered.is_ok(), "{name}: {answered:?}");
            close(&pool).await;
            // The end of a stream takes its time to get to the server.
            until(&name, || server.open_sessions() == 0).await;
        }
    }
}
