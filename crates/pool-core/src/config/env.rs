//! Configuration from environment variables.

use super::{pool_config::PoolConfig, setting::Setting};
use crate::error::ConfigError;

impl PoolConfig {
    /// The defaults, changed by the `MCP_SESSION_POOL_*` variables of the environment.
    ///
    /// | variable (after the prefix) | field | form |
    /// |---|---|---|
    /// | `ACQUIRE_TIMEOUT` | `timeouts.acquire_timeout` | duration |
    /// | `CIRCUIT_BREAKER_PATIENCE` | `breaker.circuit_breaker_patience` | duration |
    /// | `CIRCUIT_BREAKER_RESET` | `breaker.circuit_breaker_reset` | duration |
    /// | `CIRCUIT_BREAKER_THRESHOLD` | `breaker.circuit_breaker_threshold` | count |
    /// | `CLEANUP_TIMEOUT` | `timeouts.close_timeout` | duration |
    /// | `CREATE_TIMEOUT` | `timeouts.session_create_timeout` | duration |
    /// | `DETECTED_TRANSPORT_TTL` | `timeouts.detected_transport_ttl` | duration |
    /// | `ENABLED` | `enabled` | truth value |
    /// | `EXPLICIT_HEALTH_RPC` | `health.explicit_health_rpc` | truth value |
    /// | `HEALTH_CHECK_INTERVAL` | `health.health_check_interval` | duration |
    /// | `HEALTH_CHECK_METHODS` | `health.health_check_methods` | list of `ping`, `list_tools`, `list_prompts`, `list_resources`, `skip` |
    /// | `HEALTH_CHECK_TIMEOUT` | `health.health_check_timeout` | duration |
    /// | `IDENTITY_HEADERS` | `identity.identity_headers` | list of header names |
    /// | `IDLE_EVICTION` | `timeouts.idle_pool_eviction` | duration |
    /// | `JWT_IDENTITY_EXTRACTION` | none | truth value; see below |
    /// | `KEEPALIVE_INTERVAL` | `health.keepalive_interval` | duration, 0 for off |
    /// | `LEASE_OVERDUE_AFTER` | `timeouts.lease_overdue_after` | duration, 0 for off |
    /// | `LIST_CHANGED_DEBOUNCE` | `timeouts.list_changed_debounce` | duration |
    /// | `LIST_TTL` | `tool_cache.list_ttl` | duration |
    /// | `MAX_CALLS_PER_ENDPOINT` | `limits.max_calls_per_endpoint` | count, 0 for no quota |
    /// | `MAX_CALLS_PER_PRINCIPAL` | `limits.max_calls_per_principal` | count, 0 for no quota |
    /// | `MAX_CALLS_PER_TENANT` | `limits.max_calls_per_tenant` | count, 0 for no quota |
    /// | `MAX_CONCURRENT_PER_CONVERSATION` | `limits.max_concurrent_per_conversation` | count from 1 |
    /// | `MAX_CONCURRENT_PER_SESSION` | `limits.max_concurrent_per_session` | count from 1 |
    /// | `MAX_CONCURRENT_PER_STATELESS_SESSION` | `limits.max_concurrent_per_stateless_session` | count from 1 |
    /// | `MAX_LIST_ITEMS` | `limits.max_list_items` | count, 0 for no limit |
    /// | `MAX_LIST_PAGES` | `limits.max_list_pages` | count, 0 for no limit |
    /// | `MAX_PER_KEY` | `limits.max_sessions_per_key` | count from 1 |
    /// | `MAX_SERVER_NOTIFICATIONS_PER_SESSION` | `limits.max_server_notifications_per_session` | count, 0 for no limit |
    /// | `MAX_SERVER_REQUESTS_PER_SESSION` | `limits.max_server_requests_per_session` | count, 0 for no limit |
    /// | `MAX_SESSIONS_PER_ENDPOINT` | `limits.max_sessions_per_endpoint` | count, 0 for no quota |
    /// | `MAX_SESSIONS_PER_PRINCIPAL` | `limits.max_sessions_per_principal` | count, 0 for no quota |
    /// | `MAX_SESSIONS_PER_TENANT` | `limits.max_sessions_per_tenant` | count, 0 for no quota |
    /// | `MAX_SUBSCRIPTIONS_PER_KEY` | `limits.max_subscriptions_per_key` | count, 0 for no limit |
    /// | `MAX_TOTAL_KEYS` | `limits.max_total_keys` | count, 0 for no limit |
    /// | `MAX_TOTAL_SESSIONS` | `limits.max_total_sessions` | count, 0 for no limit |
    /// | `MAX_TOTAL_WAITERS` | `limits.max_total_waiters` | count, 0 for no limit |
    /// | `MAX_WAITERS_PER_KEY` | `limits.max_waiters_per_key` | count, 0 for no limit |
    /// | `MAX_WAITERS_PER_SHARE` | `limits.max_waiters_per_share` | count, 0 for no limit |
    /// | `MIN_IDLE_PER_KEY` | `limits.min_idle_per_key` | count |
    /// | `NAME` | `name` | text |
    /// | `ON_EXTRACT_ERROR` | `identity.on_extract_error` | `hash_headers` or `refuse` |
    /// | `PASSTHROUGH_HEADERS` | `identity.passthrough_headers` | list of header names |
    /// | `RESOURCE_TTL` | `tool_cache.resource_ttl` | duration |
    /// | `SHED_DELAY_TARGET` | `limits.shed_delay_target` | duration, 0 for none |
    /// | `TOOL_LIST_MAX_BYTES` | `tool_cache.tool_list_max_bytes` | count of bytes |
    /// | `TOOL_LIST_TTL` | `tool_cache.tool_list_ttl` | duration |
    /// | `TRANSPORT_TIMEOUT` | `timeouts.call_timeout` | duration |
    /// | `TTL` | `timeouts.session_ttl` | duration |
    /// | `TTL_JITTER` | `timeouts.session_ttl_jitter` | number |
    ///
    /// A duration is a number of seconds (`30`, `0.5`) or humantime (`30s`, `5m`); a truth value is
    /// `true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off`; a list is JSON or comma-separated.
    ///
    /// `JWT_IDENTITY_EXTRACTION` is checked for its form and sets nothing: claims count as an
    /// identity only once their token is verified, which takes the keys of an extractor. `true` is a
    /// warning in the log.
    ///
    /// Names in lower case are read too.
    ///
    /// # Errors
    /// Everything that is wrong, each by the name of its variable: one error, or
    /// [`ConfigError::Several`].
    /// - [`ConfigError::UnknownVariable`]: a variable has the prefix and is none of the above.
    /// - [`ConfigError::Syntax`]: a value is not of its form. The error does not show the value.
    /// - [`ConfigError::Bound`]: the result does not pass [`validate`](Self::validate).
    pub fn from_env() -> Result<Self, ConfigError> {
        let vars = std::env::vars_os().filter_map(|(name, value)| {
            Some((
                name.into_string().ok()?,
                value.to_string_lossy().into_owned(),
            ))
        });
        Self::from_vars(vars)
    }

    /// As [`from_env`](Self::from_env), from any list of variables. Variables without the prefix
    /// are ignored.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_vars(
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let settings = vars.into_iter();
        Self::from_settings(
            settings.filter_map(|(name, text)| Setting::from_variable(&name, &text)),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderName;

    use super::*;
    use crate::{
        config::{env_table::VARIABLES, setting::PREFIX},
        extend::Probe,
    };

    fn from(vars: &[(&str, &str)]) -> Result<PoolConfig, ConfigError> {
        PoolConfig::from_vars(
            vars.iter()
                .map(|(name, text)| (format!("{PREFIX}{name}"), (*text).to_owned())),
        )
    }

    #[test]
    fn every_variable_of_a_migrating_user_is_understood() {
        let config = from(&[
            ("ENABLED", "true"),
            ("MAX_PER_KEY", "200"),
            ("TTL", "120"),
            ("HEALTH_CHECK_INTERVAL", "45.5"),
            ("ACQUIRE_TIMEOUT", "10s"),
            ("CREATE_TIMEOUT", "11"),
            ("CIRCUIT_BREAKER_THRESHOLD", "7"),
            ("CIRCUIT_BREAKER_RESET", "1m"),
            ("IDLE_EVICTION", "900"),
            ("TRANSPORT_TIMEOUT", "12"),
            ("EXPLICIT_HEALTH_RPC", "True"),
            ("HEALTH_CHECK_METHODS", r#"["list_tools", "skip"]"#),
            ("HEALTH_CHECK_TIMEOUT", "3"),
            ("IDENTITY_HEADERS", "Authorization, X-Org"),
            ("MAX_TOTAL_KEYS", "0"),
            ("MAX_TOTAL_SESSIONS", "0"),
            ("JWT_IDENTITY_EXTRACTION", "false"),
            ("CLEANUP_TIMEOUT", "4"),
        ])
        .unwrap();
        let expected = PoolConfig::default()
            .with_max_sessions_per_key(200)
            .with_session_ttl(Duration::from_secs(120))
            .with_health_check_interval(Duration::from_millis(45_500))
            .with_acquire_timeout(Duration::from_secs(10))
            .with_session_create_timeout(Duration::from_secs(11))
            .with_circuit_breaker_threshold(7)
            .with_circuit_breaker_reset(Duration::from_secs(60))
            .with_idle_pool_eviction(Duration::from_secs(900))
            .with_call_timeout(Duration::from_secs(12))
            .with_explicit_health_rpc(true)
            .with_health_check_methods(vec![Probe::ListTools, Probe::Skip])
            .with_health_check_timeout(Duration::from_secs(3))
            .with_identity_headers(vec![
                http::header::AUTHORIZATION,
                HeaderName::from_static("x-org"),
            ])
            .with_max_total_keys(0)
            .with_max_total_sessions(0)
            .with_close_timeout(Duration::from_secs(4));
        assert_eq!(config, expected);
    }

    #[test]
    fn every_field_has_a_variable_and_every_variable_a_field() {
        fn leaves(path: &str, value: &serde_json::Value, into: &mut Vec<String>) {
            let serde_json::Value::Object(fields) = value else {
                return into.push(path.trim_start_matches('.').to_owned());
            };
            for (name, value) in fields {
                leaves(&format!("{path}.{name}"), value, into);
            }
        }
        let mut fields = Vec::new();
        let config = serde_json::to_value(PoolConfig::default()).unwrap();
        leaves("", &config, &mut fields);
        fields.sort_unstable();
        let mut named: Vec<_> = VARIABLES.iter().map(|variable| variable.field).collect();
        named.sort_unstable();
        assert_eq!(named, fields);
    }

    #[test]
    fn a_variable_changes_the_field_it_names_and_no_other() {
        let texts = ["7", "true", "false", "0.5", "ping", "refuse", "x-other"];
        let flat = |config: &PoolConfig| serde_json::to_value(config).unwrap();
        let default = flat(&PoolConfig::default());
        for variable in VARIABLES {
            let pointer = format!("/{}", variable.field.replace('.', "/"));
            let changed = texts.iter().find_map(|text| {
                let config = from(&[(variable.suffix, text)]).ok()?;
                let mut changed = flat(&config);
                let field = changed.pointer_mut(&pointer)?;
                let is_other = Some(&*field) != default.pointer(&pointer);
                *field = default.pointer(&pointer)?.clone();
                is_other.then_some(changed)
            });
            assert_eq!(changed.as_ref(), Some(&default), "{}", variable.suffix);
        }
    }

    #[test]
    fn a_bad_variable_is_named_and_its_value_is_not_shown() {
        for (name, text) in [
            ("TTL", "sekret"),
            ("MAX_PER_KEY", "-1"),
            ("ENABLED", "maybe"),
            ("HEALTH_CHECK_METHODS", "sekret"),
            ("MAX_PER_KEY", "0"),
            ("SEKRET_KNOB", "1"),
        ] {
            let error = from(&[(name, text)]).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            assert!(!error.contains("sekret"), "{error}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let error = from(&[
            ("TTL", "sekret"),
            ("MAX_PER_KEY", "0"),
            ("TTL_JITTER", "2"),
            ("SEKRET", "1"),
            ("MAX_TOTAL_KEYS", "5"),
        ])
        .unwrap_err();
        let text = error.to_string();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "4 settings are wrong:",
                "MCP_SESSION_POOL_MAX_PER_KEY: a count must be at least 1",
                "MCP_SESSION_POOL_SEKRET: unknown variable",
                "MCP_SESSION_POOL_TTL: expected a number of seconds or a duration such as `30s`",
                "MCP_SESSION_POOL_TTL_JITTER: a number must be within 0.0 to 1.0",
            ]
        );
    }

    #[test]
    fn lower_case_names_and_keys_of_files_set_the_same_fields() {
        let variable = Setting::from_variable("mcp_session_pool_ttl", "7").unwrap();
        let key = Setting::from_key("pool.timeouts.session_ttl", "timeouts.session_ttl", "7");
        for setting in [variable, key] {
            let config = PoolConfig::from_settings([setting]).unwrap();
            assert_eq!(config.timeouts.session_ttl, Duration::from_secs(7));
        }
    }

    #[test]
    fn other_variables_are_left_alone() {
        let vars = [("PATH".to_owned(), "/bin".to_owned())];
        assert_eq!(PoolConfig::from_vars(vars).unwrap(), PoolConfig::default());
    }
}
