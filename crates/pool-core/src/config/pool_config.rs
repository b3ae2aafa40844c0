//! The configuration of a pool.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::groups::{
    BreakerConfig, HealthConfig, IdentityConfig, LimitsConfig, TimeoutsConfig, ToolCacheConfig,
    validate_limits,
};
use crate::error::ConfigError;

/// The configuration of a pool: plain data, for [`PoolBuilder::config`](crate::PoolBuilder::config),
/// whose `build` validates it.
///
/// Every field has a setter, a default with its reason in the source, and an environment variable
/// ([`from_env`](Self::from_env)). In serde a duration is a number of seconds or humantime
/// (`"30s"`, `"5m"`), and an unknown field is an error.
///
/// ```
/// use std::time::Duration;
/// use mcp_pool_core::PoolConfig;
/// let config = PoolConfig::default()
///     .with_max_sessions_per_key(4)
///     .with_session_ttl(Duration::from_secs(120));
/// config.validate()?;
/// let same: PoolConfig = serde_json::from_str(
///     r#"{"limits": {"max_sessions_per_key": 4}, "timeouts": {"session_ttl": "2m"}}"#,
/// ).unwrap();
/// assert_eq!(same, config);
/// # Ok::<(), mcp_pool_core::error::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PoolConfig {
    /// When circuits open.
    pub breaker: BreakerConfig,
    /// Whether sessions are reused. `false`: each lease opens a session and closes it, and no session
    /// serves two leases, whatever number of concurrent calls is set. Default: true.
    pub enabled: bool,
    /// How sessions are checked.
    pub health: HealthConfig,
    /// How a caller's headers are read.
    pub identity: IdentityConfig,
    /// How much the pool may hold.
    pub limits: LimitsConfig,
    /// The name of the pool in logs and metrics. Default: `default`.
    pub name: String,
    /// How long things may take and live.
    pub timeouts: TimeoutsConfig,
    /// Which tool lists are cached.
    pub tool_cache: ToolCacheConfig,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            breaker: BreakerConfig::default(),
            enabled: true,
            health: HealthConfig::default(),
            identity: IdentityConfig::default(),
            limits: LimitsConfig::default(),
            name: "default".to_owned(),
            timeouts: TimeoutsConfig::default(),
            tool_cache: ToolCacheConfig::default(),
        }
    }
}

impl PoolConfig {
    /// Checks every field against its bounds.
    ///
    /// # Errors
    /// [`ConfigError::Bound`] names the field that is out of them, [`ConfigError::Several`] all of them.
    pub fn validate(&self) -> Result<(), ConfigError> {
        ConfigError::all(self.out_of_bounds())
    }

    /// An error for each field that is out of its bounds.
    pub(super) fn out_of_bounds(&self) -> Vec<ConfigError> {
        let mut errors: Vec<_> = validate_limits(&self.limits.pool_limits())
            .err()
            .into_iter()
            .collect();
        for (field, count) in self.counts() {
            if count == 0 {
                errors.push(ConfigError::at_least_one(field));
            }
        }
        for (field, duration) in self.durations() {
            if duration.is_zero() {
                let error = ConfigError::bound(field, "a duration", "longer than zero");
                errors.push(error);
            }
        }
        if !(0.0..=1.0).contains(&self.timeouts.session_ttl_jitter) {
            errors.push(ConfigError::bound(
                "session_ttl_jitter",
                "a number",
                "within 0.0 to 1.0",
            ));
        }
        errors
    }

    /// The counts that must not be zero.
    fn counts(&self) -> [(&'static str, usize); 3] {
        [
            (
                "circuit_breaker_threshold",
                self.breaker.circuit_breaker_threshold as usize,
            ),
            (
                "health_check_methods",
                self.health.health_check_methods.len(),
            ),
            ("identity_headers", self.identity.identity_headers.len()),
        ]
    }

    /// The durations that must not be zero.
    fn durations(&self) -> [(&'static str, Duration); 9] {
        let timeouts = &self.timeouts;
        [
            ("acquire_timeout", timeouts.acquire_timeout),
            ("call_timeout", timeouts.call_timeout),
            ("circuit_breaker_reset", self.breaker.circuit_breaker_reset),
            ("close_timeout", timeouts.close_timeout),
            ("detected_transport_ttl", timeouts.detected_transport_ttl),
            ("health_check_timeout", self.health.health_check_timeout),
            ("idle_pool_eviction", timeouts.idle_pool_eviction),
            ("session_create_timeout", timeouts.session_create_timeout),
            ("session_ttl", timeouts.session_ttl),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_survive_serde() {
        let config = PoolConfig::default();
        config.validate().unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<PoolConfig>(&text).unwrap(), config);
    }

    #[test]
    fn a_field_out_of_bounds_is_named() {
        let config = PoolConfig::default;
        for (field, config) in [
            (
                "max_sessions_per_key",
                config().with_max_sessions_per_key(0),
            ),
            ("session_ttl", config().with_session_ttl(Duration::ZERO)),
            ("session_ttl_jitter", config().with_session_ttl_jitter(1.5)),
            ("identity_headers", config().with_identity_headers(vec![])),
        ] {
            let error = config.validate().unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        for text in [
            r#"{"max_sessions_per_key": 1}"#,
            r#"{"limits": {"max_session_per_key": 1}}"#,
        ] {
            assert!(serde_json::from_str::<PoolConfig>(text).is_err(), "{text}");
        }
    }
}
