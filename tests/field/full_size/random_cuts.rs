//! Connections that are closed and reset at random cost no session, and no call its true outcome.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use mcp_pool_testkit::{
    Cuts, Relay,
    server::{CounterServer, Modes},
};
use mcp_session_pool::{
    PoolConfig, PooledClient, SessionPool,
    error::{CallError, Outcome},
    rmcp::model::CallToolRequestParams,
    serde_json::json,
};

use super::size;
use crate::{
    common::eventually,
    setup::{client, close, pool},
};

/// What became of each call, by the id of the call.
type Outcomes = BTreeMap<String, Outcome>;

/// Calls the tool that records its calls.
async fn record(client: &PooledClient, id: &str) -> Result<(), CallError> {
    let arguments = json!({ "id": id }).as_object().cloned();
    let params = CallToolRequestParams::new("record").with_arguments(arguments.unwrap_or_default());
    client.call_tool(params).await.map(drop)
}

/// A user who makes calls while connections are cut.
async fn visit(client: &PooledClient, user: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for call in 0..CALLS {
        let id = format!("{user}-{call}");
        let outcome = match record(client, &id).await {
            Ok(()) => Outcome::Answered,
            Err(error) => error.outcome(),
        };
        outcomes.insert(id, outcome);
    }
    outcomes
}

/// Each reported outcome is what the server has executed, and no call was executed twice.
fn expect_truth(outcomes: &Outcomes, server: &CounterServer) {
    let executions = server.switches().executions();
    for (id, outcome) in outcomes {
        let times = executions.get(id).copied().unwrap_or(0);
        let is_true = match outcome {
            Outcome::Answered => times == 1,
            Outcome::NotExecuted => times == 0,
            _ => times <= 1,
        };
        assert!(is_true, "{id}: {outcome:?}, executed {times} times");
    }
}

/// Each user's calls came on one session, which is open still.
fn expect_one_session_each(users: usize, server: &CounterServer) {
    let (mut sessions, open) = (BTreeMap::<_, BTreeSet<_>>::new(), server.open_sessions());
    let calls = server.seen().into_iter();
    for call in calls.filter(|seen| seen.method == "tools/call") {
        let session = call.session.expect("a session");
        assert!(open.contains(&session), "a session that was used has ended");
        let token = call.headers["authorization"].to_str().expect("a token");
        sessions
            .entry(token.to_owned())
            .or_default()
            .insert(session);
    }
    assert_eq!(sessions.len(), users);
    let lost = sessions.values().filter(|sessions| sessions.len() > 1);
    assert_eq!(lost.count(), 0, "users with more than one session");
}

/// Makes the calls of every user while the relay cuts connections.
async fn visits(pool: &SessionPool, relay: &Relay, users: usize) -> (Vec<PooledClient>, Outcomes) {
    let visits = stream::iter(0..users).map(|number| async move {
        let user = format!("user-{number}");
        let client = client(pool, relay.endpoint(), &user).await;
        let outcomes = visit(&client, &user).await;
        (client, outcomes)
    });
    let (mut clients, mut all) = (Vec::new(), Outcomes::new());
    let mut visits = visits.buffer_unordered(AT_THE_SAME_TIME);
    while let Some((client, outcomes)) = visits.next().await {
        clients.push(client);
        all.extend(outcomes);
    }
    (clients, all)
}

async fn connections_break_over(modes: Modes, cuts: Cuts) {
    let users = size(200, 2_000);
    let server = CounterServer::start_as(modes);
    let relay = Relay::before(&server.endpoint());
    relay.cut(cuts);
    let pool = pool(PoolConfig::default());
    let (clients, outcomes) = visits(&pool, &relay, users).await;
    relay.spare();
    assert!(relay.connections_cut() >= users / 40, "{relay:?}");
    for (number, client) in clients.iter().enumerate() {
        record(client, &format!("last-{number}"))
            .await
            .expect("an answer");
    }
    expect_truth(&outcomes, &server);
    expect_one_session_each(users, &server);
    close(&pool).await;
    // An id that was lost with the response to `initialize` is known to the server alone.
    let used = server.count_by_session("tools/call");
    eventually("every session that was used is closed", || {
        let open = server.open_sessions();
        !open.iter().any(|session| used.contains_key(session))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_at_random_cost_no_session_and_no_call_its_true_outcome() {
    connections_break_over(Modes::default(), Cuts::of_seed(7)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_at_random_over_sse_cost_no_session_and_no_call_its_true_outcome() {
    // The stream is the session, so that only the connections of the messages break.
    let cuts = Cuts::of_seed(8).sparing_streams();
    connections_break_over(Modes::default().over_sse(), cuts).await;
}

/// Calls of each user.
const CALLS: usize = 3;
const AT_THE_SAME_TIME: usize = 32;
