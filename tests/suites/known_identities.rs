//! An identity that is known already needs no extractor, and any other is extracted for each request.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::HeaderMap;
use mcp_pool_testkit::{fake, server::CounterServer};
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Principal, SessionPool,
    config::OnExtractError,
    error::{AcquireError, ExtractError},
    extend::{Identity, IdentityExtractor},
};

use crate::common::{close, headers, pool, request};

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

/// An extractor that knows each request's identity twice, and then none any more.
#[derive(Default)]
struct Twice(AtomicUsize);

#[async_trait::async_trait]
impl IdentityExtractor for Twice {
    async fn extract(&self, _: &HeaderMap) -> Result<Option<Identity>, ExtractError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Ok(Some(Identity::from_parts("test", ["alice"]))),
            _ => Err(ExtractError::credential("revoked")),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_extractor_decides_about_each_request_though_it_knew_an_equal_one() {
    let (connector, remote) = fake::connector();
    let extractor = Arc::new(Twice::default());
    let pool = SessionPool::builder()
        .config(PoolConfig::default().with_on_extract_error(OnExtractError::Refuse))
        .connector(connector)
        .extractor(Arc::clone(&extractor))
        .build()
        .expect("a valid configuration");
    let equal = || request(fake::endpoint("a"), "alice");
    for _ in 0..2 {
        drop(pool.acquire(&equal()).await.expect("a session"));
    }
    let error = pool.acquire(&equal()).await.expect_err("revoked");
    assert!(matches!(error, AcquireError::Identity(_)), "{error:?}");
    assert_eq!(
        (extractor.0.load(Ordering::SeqCst), remote.connects()),
        (3, 1)
    );
    close(&pool).await;
}
