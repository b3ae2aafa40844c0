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

impl Variable {
    const fn new(
        suffix: &'static str,
        field: &'static str,
        set: fn(&mut PoolConfig, &Value<'_>) -> Result<(), ConfigError>,
    ) -> Self {
        Self { suffix, field, set }
    }
}

/// Every variable, by name.
pub(super) const VARIABLES: &[Variable] = &[
    Variable::new(
        "ACQUIRE_TIMEOUT",
        "timeouts.acquire_timeout",
        |config, value| {
            config.timeouts.acquire_timeout = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "CIRCUIT_BREAKER_PATIENCE",
        "breaker.circuit_breaker_patience",
        |config, value| {
            config.breaker.circuit_breaker_patience = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "CIRCUIT_BREAKER_RESET",
        "breaker.circuit_breaker_reset",
        |config, value| {
            config.breaker.circuit_breaker_reset = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "CIRCUIT_BREAKER_THRESHOLD",
        "breaker.circuit_breaker_threshold",
        |config, value| {
            config.breaker.circuit_breaker_threshold = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "CLEANUP_TIMEOUT",
        "timeouts.close_timeout",
        |config, value| {
            config.timeouts.close_timeout = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "CREATE_TIMEOUT",
        "timeouts.session_create_timeout",
        |config, value| {
            config.timeouts.session_create_timeout = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "DETECTED_TRANSPORT_TTL",
        "timeouts.detected_transport_ttl",
        |config, value| {
            config.timeouts.detected_transport_ttl = value.duration()?;
            Ok(())
        },
    ),
    Variable::new("ENABLED", "enabled", |config, value| {
        config.enabled = value.truth()?;
        Ok(())
    }),
    Variable::new(
        "EXPLICIT_HEALTH_RPC",
        "health.explicit_health_rpc",
        |config, value| {
            config.health.explicit_health_rpc = value.truth()?;
            Ok(())
        },
    ),
    Variable::new(
        "HEALTH_CHECK_INTERVAL",
        "health.health_check_interval",
        |config, value| {
            config.health.health_check_interval = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "HEALTH_CHECK_METHODS",
        "health.health_check_methods",
        |config, value| {
            config.health.health_check_methods = value.probes()?;
            Ok(())
        },
    ),
    Variable::new(
        "HEALTH_CHECK_TIMEOUT",
        "health.health_check_timeout",
        |config, value| {
            config.health.health_check_timeout = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "IDENTITY_HEADERS",
        "identity.identity_headers",
        |config, value| {
            config.identity.identity_headers = value.headers()?;
            Ok(())
        },
    ),
    Variable::new(
        "IDLE_EVICTION",
        "timeouts.idle_pool_eviction",
        |config, value| {
            config.timeouts.idle_pool_eviction = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "LIST_CHANGED_DEBOUNCE",
        "timeouts.list_changed_debounce",
        |config, value| {
            config.timeouts.list_changed_debounce = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_CONCURRENT_PER_CONVERSATION",
        "limits.max_concurrent_per_conversation",
        |config, value| {
            config.limits.max_concurrent_per_conversation = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_CONCURRENT_PER_SESSION",
        "limits.max_concurrent_per_session",
        |config, value| {
            config.limits.max_concurrent_per_session = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_CONCURRENT_PER_STATELESS_SESSION",
        "limits.max_concurrent_per_stateless_session",
        |config, value| {
            config.limits.max_concurrent_per_stateless_session = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_LIST_ITEMS",
        "limits.max_list_items",
        |config, value| {
            config.limits.max_list_items = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_LIST_PAGES",
        "limits.max_list_pages",
        |config, value| {
            config.limits.max_list_pages = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_PER_KEY",
        "limits.max_sessions_per_key",
        |config, value| {
            config.limits.max_sessions_per_key = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_TOTAL_KEYS",
        "limits.max_total_keys",
        |config, value| {
            config.limits.max_total_keys = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_TOTAL_SESSIONS",
        "limits.max_total_sessions",
        |config, value| {
            config.limits.max_total_sessions = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_TOTAL_WAITERS",
        "limits.max_total_waiters",
        |config, value| {
            config.limits.max_total_waiters = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_WAITERS_PER_KEY",
        "limits.max_waiters_per_key",
        |config, value| {
            config.limits.max_waiters_per_key = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "MAX_WAITERS_PER_SHARE",
        "limits.max_waiters_per_share",
        |config, value| {
            config.limits.max_waiters_per_share = value.number()?;
            Ok(())
        },
    ),
    Variable::new("NAME", "name", |config, value| {
        config.name = value.name()?;
        Ok(())
    }),
    Variable::new(
        "ON_EXTRACT_ERROR",
        "identity.on_extract_error",
        |config, value| {
            config.identity.on_extract_error = value.on_extract_error()?;
            Ok(())
        },
    ),
    Variable::new(
        "PASSTHROUGH_HEADERS",
        "identity.passthrough_headers",
        |config, value| {
            config.identity.passthrough_headers = value.headers()?;
            Ok(())
        },
    ),
    Variable::new(
        "SHED_DELAY_TARGET",
        "limits.shed_delay_target",
        |config, value| {
            config.limits.shed_delay_target = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "TOOL_LIST_MAX_BYTES",
        "tool_cache.tool_list_max_bytes",
        |config, value| {
            config.tool_cache.tool_list_max_bytes = value.number()?;
            Ok(())
        },
    ),
    Variable::new(
        "TOOL_LIST_TTL",
        "tool_cache.tool_list_ttl",
        |config, value| {
            config.tool_cache.tool_list_ttl = value.duration()?;
            Ok(())
        },
    ),
    Variable::new(
        "TRANSPORT_TIMEOUT",
        "timeouts.call_timeout",
        |config, value| {
            config.timeouts.call_timeout = value.duration()?;
            Ok(())
        },
    ),
    Variable::new("TTL", "timeouts.session_ttl", |config, value| {
        config.timeouts.session_ttl = value.duration()?;
        Ok(())
    }),
    Variable::new(
        "TTL_JITTER",
        "timeouts.session_ttl_jitter",
        |config, value| {
            config.timeouts.session_ttl_jitter = value.fraction()?;
            Ok(())
        },
    ),
];
