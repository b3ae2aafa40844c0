//! The number of requests up to the answer of a first call.

use mcp_pool_testkit::{
    RawServer, Reply,
    server::{CounterServer, Modes},
};
use mcp_session_pool::{Endpoint, PoolConfig};

use crate::{
    common::{call, client, close, pool, request},
    over::builder,
};

#[tokio::test]
async fn a_first_call_costs_no_request_that_serves_detection_alone() {
    let legacy = Modes::default();
    let stateless = Modes::default().stateless_only();
    for (modes, unknown, known) in [(stateless, 2, 1), (legacy, 4, 3)] {
        let server = CounterServer::start_as(modes);
        let pool = pool(PoolConfig::default());
        let mut costs = Vec::new();
        for user in ["alice", "bob", "carol"] {
            let before = server.seen().len();
            let client = client(&pool, &server, user).await;
            call(&client, "increment").await.expect("a count");
            costs.push(server.seen().len() - before);
        }
        // The first call of all finds out the era.
        assert_eq!(costs, [unknown, known, known], "{modes:?}");
        close(&pool).await;
    }
}

/// A server over HTTP+SSE that answers the POST of another transport with this status.
fn sse_server(status: u16) -> RawServer {
    RawServer::start(move |request| {
        let is_other = request.http_method == "POST" && request.session().is_empty();
        match is_other {
            true => Reply::status(status),
            false => request.sse_reply(),
        }
    })
}

/// The number of requests up to the answer of a first call.
async fn cost_over_sse(server: &RawServer, endpoint: Endpoint) -> usize {
    let pool = builder(PoolConfig::default()).build().expect("a pool");
    let alice = pool.client(request(endpoint, "alice")).await;
    let answer = call(&alice.expect("a client"), "count").await;
    assert_eq!(answer.expect("an answer"), 1);
    let cost = server.seen().len();
    close(&pool).await;
    cost
}

#[tokio::test]
async fn a_first_call_over_sse_costs_a_request_or_two_more_where_the_transport_is_detected() {
    for (status, detected) in [(404, 5), (405, 5), (400, 6)] {
        let server = sse_server(status);
        // The stream, two messages of the handshake, and the call.
        assert_eq!(cost_over_sse(&server, server.sse_endpoint()).await, 4);
        let server = sse_server(status);
        let auto = Endpoint::auto(&server.url()).expect("a url");
        let cost = cost_over_sse(&server, auto).await;
        assert_eq!(cost, detected, "{status}");
    }
}
