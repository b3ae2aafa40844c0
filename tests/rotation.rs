//! Rotated tokens add no identities, no sessions and no memory. The test has a process of its own,
//! so that no other test uses its memory.

use std::{collections::BTreeSet, time::Duration};

use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    AcquireRequest, PoolConfig, Principal, SessionPool,
    jwt::{JwtCacheSettings, JwtIdentity, JwtKeys},
};
use serde_json::json;

#[path = "suites/common.rs"]
#[expect(dead_code, reason = "the suites use more of it")]
mod common;

#[path = "../crates/identity-jwt/tests/it/support.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "this uses a part of it")]
mod tokens;

use common::{builder, call};

const USERS: usize = 20;
const TOKENS: usize = 10_000;
const SESSIONS_PER_KEY: usize = 3;
const SECRET: [u8; 32] = [7; 32];

fn pool() -> SessionPool {
    let mut cache = JwtCacheSettings::default();
    // The cache is full long before the first measurement, so its growth is not measured.
    cache.accepted_bytes = 256 << 10;
    let identity = JwtIdentity::builder(JwtKeys::secret(SECRET).expect("a key"))
        .issuer(tokens::ISSUER)
        .audience(tokens::AUDIENCE)
        .cache(cache)
        .build()
        .expect("an extractor");
    let config = PoolConfig::default().with_max_sessions_per_key(SESSIONS_PER_KEY);
    builder(config).extractor(identity).build().expect("a pool")
}

/// A request with the next token of a user; each token is different.
fn request(server: &CounterServer, number: usize) -> AcquireRequest {
    let user = format!("user-{}", number % USERS);
    let padding = format!("{number:08}{}", "x".repeat(300));
    let claims = tokens::claims(&user, json!({ "jti": padding }));
    let token = tokens::hs256(&SECRET, &json!({"alg": "HS256"}), &claims);
    AcquireRequest::new(server.endpoint(), Principal::anonymous())
        .with_headers(tokens::bearer(&token))
}

/// The memory of this process in bytes; `None` where the system does not report it.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let entry = status.lines().find(|entry| entry.starts_with("VmRSS:"))?;
    let kilobytes: u64 = entry.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}

#[tokio::test]
async fn ten_thousand_tokens_of_twenty_users_are_twenty_identities_and_no_more_memory() {
    let server = CounterServer::start();
    let pool = pool();
    let mut identities = BTreeSet::new();
    let mut early = None;
    for round in 0..TOKENS / USERS {
        let requests = (0..USERS).map(|user| request(&server, round * USERS + user));
        let leases = requests.map(|request| {
            let pool = &pool;
            async move {
                let lease = pool.acquire(&request).await.expect("a session");
                lease.key().identity().fingerprint()
            }
        });
        identities.extend(futures::future::join_all(leases).await);
        if round % 50 == 0 {
            let client = pool
                .client(request(&server, round))
                .await
                .expect("a client");
            call(&client, "increment").await.expect("a count");
        }
        if round == TOKENS / USERS / 5 {
            early = memory();
        }
    }
    assert_eq!(identities.len(), USERS);
    assert_eq!(pool.stats().pool_key_count, USERS);
    let opened = server.sessions_opened();
    assert!(
        (USERS..=USERS * SESSIONS_PER_KEY).contains(&opened),
        "{opened}"
    );
    if let (Some(early), Some(late)) = (early, memory()) {
        let grown = late.saturating_sub(early);
        println!("{grown} bytes more after {TOKENS} tokens than after a fifth of them");
        assert!(grown < 3 << 20, "{grown} bytes");
    }
    let report = pool.close(Duration::from_secs(10)).await;
    assert!(report.complete, "{report:?}");
}
