//! The table of environment variables.

use super::{env_value::Value, pool_config::PoolConfig};
use crate::error::ConfigError;

/// An environment variable, and the field that it sets.
pub(super) struct Variable {
    /// The name after the prefix.
    pub(super) suffix: &'static str,
    /// The path of the field in serde.
    pub(super) field: &'static str,
    pub(super) set: fn(&mut PoolConfig, &Value<'_>) -> Result<(), ConfigError>,
}

/// Defines the table: the name of a variable, the path of its field and how its value is read.
macro_rules! variables {
    ($($suffix:literal => $field:ident $(. $inner:ident)?: $read:ident,)*) => {
        &[$(Variable {
            suffix: $suffix,
            field: concat!(stringify!($field) $(, ".", stringify!($inner))?),
            set: |config, value| {
                config.$field $(.$inner)? = value.$read()?;
                Ok(())
            },
        },)*]
    };
}

/// Every variable, by name.
pub(super) const VARIABLES: &[Variable] = variables! {
    "ACQUIRE_TIMEOUT" => timeouts.acquire_timeout: duration,
    "CIRCUIT_BREAKER_PATIENCE" => breaker.circuit_breaker_patience: duration,
    "CIRCUIT_BREAKER_RESET" => breaker.circuit_breaker_reset: duration,
    "CIRCUIT_BREAKER_THRESHOLD" => breaker.circuit_breaker_threshold: number,
    "CLEANUP_TIMEOUT" => timeouts.close_timeout: duration,
    "CREATE_TIMEOUT" => timeouts.session_create_timeout: duration,
    "DETECTED_TRANSPORT_TTL" => timeouts.detected_transport_ttl: duration,
    "ENABLED" => enabled: truth,
    "EXPLICIT_HEALTH_RPC" => health.explicit_health_rpc: truth,
    "HEALTH_CHECK_INTERVAL" => health.health_check_interval: duration,
    "HEALTH_CHECK_METHODS" => health.health_check_methods: probes,
    "HEALTH_CHECK_TIMEOUT" => health.health_check_timeout: duration,
    "IDENTITY_HEADERS" => identity.identity_headers: headers,
    "IDLE_EVICTION" => timeouts.idle_pool_eviction: duration,
    "KEEPALIVE_INTERVAL" => health.keepalive_interval: duration,
    "LEASE_OVERDUE_AFTER" => timeouts.lease_overdue_after: duration,
    "LIST_CHANGED_DEBOUNCE" => timeouts.list_changed_debounce: duration,
    "LIST_TTL" => tool_cache.list_ttl: duration,
    "MAX_CALLS_PER_ENDPOINT" => limits.max_calls_per_endpoint: number,
    "MAX_CALLS_PER_PRINCIPAL" => limits.max_calls_per_principal: number,
    "MAX_CALLS_PER_TENANT" => limits.max_calls_per_tenant: number,
    "MAX_CONCURRENT_PER_CONVERSATION" => limits.max_concurrent_per_conversation: number,
    "MAX_CONCURRENT_PER_SESSION" => limits.max_concurrent_per_session: number,
    "MAX_CONCURRENT_PER_STATELESS_SESSION" => limits.max_concurrent_per_stateless_session: number,
    "MAX_LIST_ITEMS" => limits.max_list_items: number,
    "MAX_LIST_PAGES" => limits.max_list_pages: number,
    "MAX_PER_KEY" => limits.max_sessions_per_key: number,
    "MAX_SERVER_NOTIFICATIONS_PER_SESSION" => limits.max_server_notifications_per_session: number,
    "MAX_SERVER_REQUESTS_PER_SESSION" => limits.max_server_requests_per_session: number,
    "MAX_SESSIONS_PER_ENDPOINT" => limits.max_sessions_per_endpoint: number,
    "MAX_SESSIONS_PER_PRINCIPAL" => limits.max_sessions_per_principal: number,
    "MAX_SESSIONS_PER_TENANT" => limits.max_sessions_per_tenant: number,
    "MAX_SUBSCRIPTIONS_PER_KEY" => limits.max_subscriptions_per_key: number,
    "MAX_TOTAL_KEYS" => limits.max_total_keys: number,
    "MAX_TOTAL_SESSIONS" => limits.max_total_sessions: number,
    "MAX_TOTAL_WAITERS" => limits.max_total_waiters: number,
    "MAX_WAITERS_PER_KEY" => limits.max_waiters_per_key: number,
    "MAX_WAITERS_PER_SHARE" => limits.max_waiters_per_share: number,
    "MIN_IDLE_PER_KEY" => limits.min_idle_per_key: number,
    "NAME" => name: name,
    "ON_EXTRACT_ERROR" => identity.on_extract_error: on_extract_error,
    "PASSTHROUGH_HEADERS" => identity.passthrough_headers: headers,
    "RESOURCE_TTL" => tool_cache.resource_ttl: duration,
    "SHED_DELAY_TARGET" => limits.shed_delay_target: duration,
    "TOOL_LIST_MAX_BYTES" => tool_cache.tool_list_max_bytes: number,
    "TOOL_LIST_TTL" => tool_cache.tool_list_ttl: duration,
    "TRANSPORT_TIMEOUT" => timeouts.call_timeout: duration,
    "TTL" => timeouts.session_ttl: duration,
    "TTL_JITTER" => timeouts.session_ttl_jitter: fraction,
};
