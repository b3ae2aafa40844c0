//! What a caller that waits takes of memory.

use std::{pin::Pin, time::Duration};

use mcp_pool_testkit::fake;
use mcp_session_pool::{AcquireRequest, PoolConfig, Principal, SessionPool};

use super::report::Figure;
use crate::{Result, soak::Resources};

/// The memory of so many waiters of one key beside their futures, and the sizes of the futures.
pub(super) async fn measure(waiters: usize) -> Result<Vec<Figure>> {
    let (connector, _remote) = fake::connector();
    let config = PoolConfig::default()
        .with_max_total_sessions(1)
        .with_max_waiters_per_key(0)
        .with_max_waiters_per_share(0)
        .with_max_total_waiters(0)
        .with_acquire_timeout(Duration::from_secs(600));
    let pool = SessionPool::builder().connector(connector).config(config);
    let pool = pool.build()?;
    let request = AcquireRequest::new(fake::endpoint("a"), Principal::user("a"));
    let client = pool.client(request.clone()).await?;
    let held = client.acquire().await?;
    let (future, by_request) = (client.acquire(), pool.acquire(&request));
    let sizes = [size_of_val(&future), size_of_val(&by_request)];
    drop((future, by_request));
    // Their own memory is in use before they wait.
    let mut callers: Vec<_> = (0..waiters).map(|_| Box::pin(client.acquire())).collect();
    let before = Resources::now()?.rss_kb;
    for caller in &mut callers {
        poll_once(caller.as_mut()).await;
    }
    let bytes = Resources::now()?.rss_kb.saturating_sub(before) as f64 * 1_024.0;
    drop(held);
    for caller in callers {
        drop(caller.await?);
    }
    pool.close(Duration::from_secs(1)).await;
    Ok(vec![
        Figure::new("overload_waiter_bytes", bytes / waiters as f64).at_most(300.0),
        Figure::new("overload_future_bytes", sizes[0] as f64).at_most(FUTURE_BYTES),
        Figure::new("overload_future_by_request_bytes", sizes[1] as f64).at_most(FUTURE_BYTES),
    ])
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    // A future that waits for its session is not ready.
    let _ = futures::poll!(future.as_mut());
}

const FUTURE_BYTES: f64 = 1_536.0;
