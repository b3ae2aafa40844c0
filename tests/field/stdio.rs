//! Servers over stdio: children that belong to one user each, and that end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_session_pool::{
    PoolConfig, SessionPool, StdioConnector,
    error::{AcquireError, Outcome},
    event::Closed,
    extend::Observer,
};

use crate::{
    common::{close, eventually},
    shell_server::{answer, connector, request},
};

/// The reasons for which sessions were closed.
#[derive(Clone, Default)]
struct Reasons(Arc<Mutex<BTreeMap<String, usize>>>);

impl Observer for Reasons {
    fn closed(&self, event: &Closed<'_>) {
        let mut reasons = self.0.lock().expect("not poisoned");
        *reasons
            .entry(event.reason().as_str().to_owned())
            .or_default() += 1;
    }
}

impl Reasons {
    fn count(&self, reason: &str) -> usize {
        let reasons = self.0.lock().expect("not poisoned");
        reasons.get(reason).copied().unwrap_or(0)
    }
}

fn pool(stdio: &StdioConnector, reasons: &Reasons) -> SessionPool {
    let config = PoolConfig::default().with_circuit_breaker_threshold(2);
    SessionPool::builder()
        .config(config)
        .connector(stdio.clone())
        .observer(reasons.clone())
        .build()
        .expect("a pool")
}

#[tokio::test]
async fn each_of_twenty_users_gets_answers_with_its_own_credential() {
    let (stdio, reasons) = (connector(), Reasons::default());
    let pool = pool(&stdio, &reasons);
    let users = (0..20).map(async |user| {
        let token = format!("token-{user}");
        let client = pool.client(request(&format!("user-{user}"), &token)).await;
        let client = client.expect("a client");
        for _ in 0..10 {
            assert_eq!(answer(&client, "count").await.expect("an answer"), token);
        }
    });
    futures::future::join_all(users).await;
    assert_eq!(stdio.stats().started, 20, "a start for each user");
    assert_eq!(pool.stats().sessions_opened, 20);
    close(&pool).await;
    eventually("no child is left", || stdio.stats().processes == 0).await;
    assert_eq!(stdio.stats().killed, 0, "each has ended on its own");
}

#[tokio::test]
async fn a_child_that_ends_is_a_lost_session_and_no_outage_of_its_endpoint() {
    let (stdio, reasons) = (connector(), Reasons::default());
    let pool = pool(&stdio, &reasons);
    let client = pool
        .client(request("alice", "token"))
        .await
        .expect("a client");
    for lost in 1..=5 {
        assert_eq!(answer(&client, "count").await.expect("an answer"), "token");
        let error = answer(&client, "end").await.expect_err("it ends");
        assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
        eventually("it is closed", || pool.status().sessions == 0).await;
        assert_eq!(stdio.stats().ended, lost);
    }
    eventually("each is reported", || reasons.count("lost") == 5).await;
    assert_eq!(answer(&client, "count").await.expect("an answer"), "token");
    close(&pool).await;
}

#[tokio::test]
async fn an_endpoint_of_another_name_starts_nothing_and_opens_no_circuit() {
    let (stdio, reasons) = (connector(), Reasons::default());
    let pool = pool(&stdio, &reasons);
    let endpoint = StdioConnector::endpoint("other").expect("an endpoint");
    let other =
        mcp_session_pool::AcquireRequest::new(endpoint, mcp_session_pool::Principal::user("a"));
    for _ in 0..5 {
        let error = pool.acquire(&other).await.expect_err("no such command");
        let AcquireError::Connect(error) = error else {
            panic!("{error:?}");
        };
        let cause = std::error::Error::source(&*error).expect("a cause");
        assert!(cause.to_string().contains("`other`"), "{cause}");
    }
    assert_eq!(stdio.stats().started, 0);
    pool.close(Duration::from_secs(10)).await;
}
