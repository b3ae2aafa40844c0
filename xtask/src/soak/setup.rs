//! The pool under test.

use std::{sync::Arc, time::Duration};

use mcp_session_pool::{PoolConfig, SessionPool, SseConnector, StreamableHttpConnector};

use crate::Result;

/// The connectors, which both phases share.
pub(super) struct Setup {
    streamable: Arc<StreamableHttpConnector>,
    sse: Arc<SseConnector>,
}

impl Setup {
    pub(super) fn new() -> Result<Self> {
        let streamable = StreamableHttpConnector::new()?.with_max_body_size(MAX_BYTES);
        let sse = SseConnector::new()?.with_max_body_size(MAX_BYTES);
        Ok(Self {
            streamable: Arc::new(streamable.with_max_event_size(MAX_BYTES)),
            sse: Arc::new(sse.with_max_event_size(MAX_BYTES)),
        })
    }

    /// A pool with short time-outs.
    pub(super) fn pool(&self) -> Result<SessionPool> {
        let config = PoolConfig::default()
            .with_acquire_timeout(CALL)
            .with_call_timeout(CALL)
            .with_health_check_timeout(Duration::from_millis(500))
            .with_session_create_timeout(Duration::from_secs(1))
            .with_session_ttl(Duration::from_secs(20))
            .with_idle_pool_eviction(Duration::from_secs(5));
        let pool = SessionPool::builder()
            .config(config)
            .connector(Arc::clone(&self.streamable))
            .connector(Arc::clone(&self.sse));
        Ok(pool.build()?)
    }
}

/// The deadline of a call.
pub(super) const CALL: Duration = Duration::from_secs(2);
const MAX_BYTES: usize = 64 * 1024;
