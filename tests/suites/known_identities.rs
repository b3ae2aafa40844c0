//! An identity that is known already needs no extractor.

use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{AcquireRequest, PoolConfig, Principal, extend::Identity};

use crate::common::{close, headers, pool};

#[tokio::test]
async fn requests_of_a_known_identity_share_a_session_whatever_their_headers_are() {
    let server = CounterServer::start();
    let pool = pool(PoolConfig::default());
    let of = |identity: &str, token: &str| {
        AcquireRequest::new(server.endpoint(), Principal::user("alice"))
            .with_headers(headers(&[("authorization", token)]))
            .with_identity(Identity::from_parts("test", [identity]))
    };
    for token in ["Bearer one", "Bearer two"] {
        drop(pool.acquire(&of("alice", token)).await.expect("a session"));
    }
    assert_eq!(server.sessions_opened(), 1);
    let other = pool.acquire(&of("other", "Bearer one")).await;
    drop(other.expect("a session"));
    assert_eq!(server.sessions_opened(), 2);
    close(&pool).await;
}
