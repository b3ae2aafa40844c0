//! A setter for each field.

use std::{num::NonZeroU32, time::Duration};

use http::HeaderName;

use super::pool_config::PoolConfig;
use crate::extend::{OnExtractError, Probe};

/// Defines a setter for each field of a group.
macro_rules! setters {
    ($($group:ident: $Group:literal { $($field:ident as $setter:ident: $type:ty,)* })*) => {
        impl PoolConfig {
            $($(
                #[doc = concat!("Sets [`", stringify!($field), "`](crate::config::", $Group, "::", stringify!($field), ").")]
                #[must_use]
                pub fn $setter(mut self, value: $type) -> Self {
                    self.$group.$field = value;
                    self
                }
            )*)*
        }
    };
}

impl PoolConfig {
    /// Sets [`enabled`](Self::enabled).
    #[must_use]
    pub fn with_enabled(mut self, value: bool) -> Self {
        self.enabled = value;
        self
    }

    /// Sets [`name`](Self::name).
    #[must_use]
    pub fn with_name(mut self, value: impl Into<String>) -> Self {
        self.name = value.into();
        self
    }
}

setters! {
    breaker: "BreakerConfig" {
        circuit_breaker_patience as with_circuit_breaker_patience: Duration,
        circuit_breaker_reset as with_circuit_breaker_reset: Duration,
        circuit_breaker_threshold as with_circuit_breaker_threshold: u32,
    }
    health: "HealthConfig" {
        explicit_health_rpc as with_explicit_health_rpc: bool,
        health_check_interval as with_health_check_interval: Duration,
        health_check_methods as with_health_check_methods: Vec<Probe>,
        health_check_timeout as with_health_check_timeout: Duration,
        keepalive_interval as with_keepalive_interval: Duration,
    }
    identity: "IdentityConfig" {
        identity_headers as with_identity_headers: Vec<HeaderName>,
        on_extract_error as with_on_extract_error: OnExtractError,
        passthrough_headers as with_passthrough_headers: Vec<HeaderName>,
    }
    limits: "LimitsConfig" {
        max_calls_per_endpoint as with_max_calls_per_endpoint: usize,
        max_calls_per_principal as with_max_calls_per_principal: usize,
        max_calls_per_tenant as with_max_calls_per_tenant: usize,
        max_concurrent_per_conversation as with_max_concurrent_per_conversation: NonZeroU32,
        max_concurrent_per_session as with_max_concurrent_per_session: NonZeroU32,
        max_concurrent_per_stateless_session as with_max_concurrent_per_stateless_session: NonZeroU32,
        max_list_items as with_max_list_items: usize,
        max_list_pages as with_max_list_pages: usize,
        max_server_notifications_per_session as with_max_server_notifications_per_session: usize,
        max_server_requests_per_session as with_max_server_requests_per_session: usize,
        max_sessions_per_endpoint as with_max_sessions_per_endpoint: usize,
        max_sessions_per_key as with_max_sessions_per_key: usize,
        max_sessions_per_principal as with_max_sessions_per_principal: usize,
        max_sessions_per_tenant as with_max_sessions_per_tenant: usize,
        max_subscriptions_per_key as with_max_subscriptions_per_key: usize,
        max_total_keys as with_max_total_keys: usize,
        max_total_sessions as with_max_total_sessions: usize,
        max_total_waiters as with_max_total_waiters: usize,
        min_idle_per_key as with_min_idle_per_key: usize,
        max_waiters_per_key as with_max_waiters_per_key: usize,
        max_waiters_per_share as with_max_waiters_per_share: usize,
        shed_delay_target as with_shed_delay_target: Duration,
    }
    timeouts: "TimeoutsConfig" {
        acquire_timeout as with_acquire_timeout: Duration,
        call_timeout as with_call_timeout: Duration,
        close_timeout as with_close_timeout: Duration,
        detected_transport_ttl as with_detected_transport_ttl: Duration,
        idle_pool_eviction as with_idle_pool_eviction: Duration,
        lease_overdue_after as with_lease_overdue_after: Duration,
        list_changed_debounce as with_list_changed_debounce: Duration,
        session_create_timeout as with_session_create_timeout: Duration,
        session_ttl as with_session_ttl: Duration,
        session_ttl_jitter as with_session_ttl_jitter: f64,
    }
    tool_cache: "ToolCacheConfig" {
        list_ttl as with_list_ttl: Duration,
        resource_ttl as with_resource_ttl: Duration,
        tool_list_max_bytes as with_tool_list_max_bytes: u64,
        tool_list_ttl as with_tool_list_ttl: Duration,
    }
}
