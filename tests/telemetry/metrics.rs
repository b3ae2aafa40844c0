//! Metrics.

use mcp_pool_testkit::conformance::Counterpart;
use mcp_session_pool::PoolConfig;

use crate::{
    Setup, builder,
    common::{call, close, request},
    otel::OTEL,
};

pub(crate) async fn metrics_arrive<S: Setup>() {
    let server = S::server();
    let name = format!("metrics over {}", server.endpoint());
    let config = PoolConfig::default().with_name(name.clone());
    let pool = builder::<S>(config).build().expect("a pool");
    let alice = request(server.endpoint(), "alice");
    let client = pool.client(alice).await.expect("a client");
    for _ in 0..3 {
        call(&client, "increment").await.expect("a count");
    }
    let points = OTEL.points("mcp.client.operation.duration", &name);
    let last = points.last().expect("it was recorded");
    assert_eq!(last["count"].to_string().trim_matches('"'), "3");
    assert!(!OTEL.points("mcp.pool.session.count", &name).is_empty());
    close(&pool).await;
}
