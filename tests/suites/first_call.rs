//! The number of requests up to the answer of a first call.

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::PoolConfig;

use crate::common::{call, client, close, pool};

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
