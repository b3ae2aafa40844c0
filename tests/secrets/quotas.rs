//! Who is at a quota is shown without names.

use std::time::Duration;

use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, Principal, SessionPool, StreamableHttpConnector,
    config::QuotaKind,
};

use crate::{common::close, shown::Shown};

/// Shows a caller that waits in vain for each quota, and who holds what of it.
pub(crate) async fn show(shown: &Shown, server: &CounterServer) {
    let url = format!("{}?key=pl4nted-query", server.url());
    let endpoint = Endpoint::streamable_http(&url).expect("a url");
    let of = |user: &str| {
        let principal = Principal::user(user.to_owned()).in_tenant("pl4nted-principal");
        AcquireRequest::new(endpoint.clone(), principal).with_timeout(Duration::from_millis(50))
    };
    for quota in QuotaKind::ALL {
        let pool = SessionPool::builder()
            .config(PoolConfig::default().with_max_sessions_per_key(2))
            .connector(StreamableHttpConnector::new().expect("an http client"))
            .observer(shown.clone())
            .build()
            .expect("a pool");
        let limits = pool.limits().with_quota(quota, 1);
        pool.resize(limits).expect("an open pool");
        let request = of("pl4nted-principal").with_timeout(Duration::from_secs(10));
        let lease = pool.acquire(&request).await.expect("a session");
        let refused = pool.acquire(&of("pl4nted-principal")).await;
        shown.fail(&refused.expect_err("at its quota"));
        let rows = pool.quota_stats(9);
        shown.add(&serde_json::to_string(&rows).expect("json"));
        rows.iter().for_each(|row| shown.show(row));
        drop(lease);
        close(&pool).await;
    }
}
