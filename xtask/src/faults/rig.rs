//! What the cells share.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use mcp_session_pool::{
    PoolConfig, SessionPool, SseConnector, StreamableHttpConnector, error::ConfigError,
};

use crate::{Result, lateness::Lateness};

/// What the cells share: the connectors, since a TLS set-up for each cell would take most of the time,
/// and the bare timer.
pub(super) struct Rig {
    streamable: Arc<StreamableHttpConnector>,
    sse: Arc<SseConnector>,
    pub(super) lateness: Lateness,
}

impl Rig {
    pub(super) fn new() -> Result<Self> {
        let streamable = StreamableHttpConnector::new()?.with_max_body_size(MAX_BYTES);
        let sse = SseConnector::new()?.with_max_body_size(MAX_BYTES);
        Ok(Self {
            streamable: Arc::new(streamable.with_max_event_size(MAX_BYTES)),
            sse: Arc::new(sse.with_max_event_size(MAX_BYTES)),
            lateness: Lateness::start(),
        })
    }

    /// A pool with short time-outs, and this many slots for each session.
    pub(super) fn pool(&self, slots: NonZeroU32) -> std::result::Result<SessionPool, ConfigError> {
        let config = PoolConfig::default()
            .with_acquire_timeout(CALL)
            .with_call_timeout(CALL)
            .with_circuit_breaker_patience(Duration::from_millis(500))
            .with_close_timeout(Duration::from_millis(500))
            .with_health_check_timeout(Duration::from_millis(200))
            .with_session_create_timeout(Duration::from_millis(400))
            .with_max_sessions_per_key(2)
            .with_max_concurrent_per_session(slots)
            .with_max_concurrent_per_conversation(slots)
            .with_max_concurrent_per_stateless_session(slots);
        SessionPool::builder()
            .config(config)
            .connector(Arc::clone(&self.streamable))
            .connector(Arc::clone(&self.sse))
            .build()
    }
}

/// The deadline of a call.
pub(super) const CALL: Duration = Duration::from_millis(600);
/// The largest answer that the connectors accept.
pub(super) const MAX_BYTES: usize = 64 * 1024;
