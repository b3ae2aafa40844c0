//! Configuration from environment variables.

use std::time::Duration;

use http::HeaderName;

use crate::{ConfigError, PoolConfig, Probe};

impl PoolConfig {
    /// The defaults, changed by the `MCP_SESSION_POOL_*` variables of the environment.
    ///
    /// | variable (after the prefix) | field | form |
    /// |---|---|---|
    /// | `ACQUIRE_TIMEOUT` | `acquire_timeout` | duration |
    /// | `CIRCUIT_BREAKER_RESET` | `circuit_breaker_reset` | duration |
    /// | `CIRCUIT_BREAKER_THRESHOLD` | `circuit_breaker_threshold` | count |
    /// | `CLEANUP_TIMEOUT` | `close_timeout` | duration |
    /// | `CREATE_TIMEOUT` | `session_create_timeout` | duration |
    /// | `ENABLED` | `enabled` | truth value |
    /// | `EXPLICIT_HEALTH_RPC` | `explicit_health_rpc` | truth value |
    /// | `HEALTH_CHECK_INTERVAL` | `health_check_interval` | duration |
    /// | `HEALTH_CHECK_METHODS` | `health_check_methods` | list of `ping`, `list_tools`, `list_prompts`, `list_resources`, `skip` |
    /// | `HEALTH_CHECK_TIMEOUT` | `health_check_timeout` | duration |
    /// | `IDENTITY_HEADERS` | `identity_headers` | list of header names |
    /// | `IDLE_EVICTION` | `idle_pool_eviction` | duration |
    /// | `JWT_IDENTITY_EXTRACTION` | none | truth value; see below |
    /// | `MAX_PER_KEY` | `max_sessions_per_key` | count |
    /// | `MAX_TOTAL_KEYS` | `max_total_keys` | count, 0 for no limit |
    /// | `MAX_TOTAL_SESSIONS` | `max_total_sessions` | count, 0 for no limit |
    /// | `TRANSPORT_TIMEOUT` | `call_timeout` | duration |
    /// | `TTL` | `session_ttl` | duration |
    ///
    /// A duration is a number of seconds (`30`, `0.5`) or humantime (`30s`, `5m`); a truth value is
    /// `true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off`; a list is JSON or comma-separated.
    ///
    /// `JWT_IDENTITY_EXTRACTION` is checked for its form and sets nothing: claims count as an
    /// identity only once their token is verified, and that takes keys, which an extractor brings.
    ///
    /// # Errors
    /// - [`ConfigError::UnknownVariable`]: a variable has the prefix and is none of the above.
    /// - [`ConfigError::Syntax`]: a value is not of its form. The value itself is not shown.
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

    /// As [`from_env`](Self::from_env), from any list of variables; those without the prefix are
    /// left alone.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_vars(
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for (name, text) in vars {
            if let Some(knob) = name.strip_prefix(PREFIX) {
                config.take(
                    knob,
                    &Value {
                        name: &name,
                        text: text.trim(),
                    },
                )?;
            }
        }
        config.validate()?;
        Ok(config)
    }

    fn take(&mut self, knob: &str, value: &Value<'_>) -> Result<(), ConfigError> {
        match knob {
            "ACQUIRE_TIMEOUT" => self.acquire_timeout = value.duration()?,
            "CIRCUIT_BREAKER_RESET" => self.circuit_breaker_reset = value.duration()?,
            "CIRCUIT_BREAKER_THRESHOLD" => self.circuit_breaker_threshold = value.number()?,
            "CLEANUP_TIMEOUT" => self.close_timeout = value.duration()?,
            "CREATE_TIMEOUT" => self.session_create_timeout = value.duration()?,
            "ENABLED" => self.enabled = value.truth()?,
            "EXPLICIT_HEALTH_RPC" => self.explicit_health_rpc = value.truth()?,
            "HEALTH_CHECK_INTERVAL" => self.health_check_interval = value.duration()?,
            "HEALTH_CHECK_METHODS" => self.health_check_methods = value.probes()?,
            "HEALTH_CHECK_TIMEOUT" => self.health_check_timeout = value.duration()?,
            "IDENTITY_HEADERS" => self.identity_headers = value.headers()?,
            "IDLE_EVICTION" => self.idle_pool_eviction = value.duration()?,
            "JWT_IDENTITY_EXTRACTION" => drop(value.truth()?),
            "MAX_PER_KEY" => self.max_sessions_per_key = value.number()?,
            "MAX_TOTAL_KEYS" => self.max_total_keys = value.number()?,
            "MAX_TOTAL_SESSIONS" => self.max_total_sessions = value.number()?,
            "TRANSPORT_TIMEOUT" => self.call_timeout = value.duration()?,
            "TTL" => self.session_ttl = value.duration()?,
            _ => return Err(ConfigError::UnknownVariable(value.name.to_owned())),
        }
        Ok(())
    }
}

/// A variable's text, to be read as one thing or another.
struct Value<'a> {
    name: &'a str,
    text: &'a str,
}

impl Value<'_> {
    fn duration(&self) -> Result<Duration, ConfigError> {
        let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
        seconds(self.text)
            .or_else(|| humantime::parse_duration(self.text).ok())
            .ok_or_else(|| self.syntax("a number of seconds or a duration such as `30s`"))
    }

    fn number<N: std::str::FromStr>(&self) -> Result<N, ConfigError> {
        self.text
            .parse()
            .map_err(|_| self.syntax("a whole number from 0"))
    }

    fn truth(&self) -> Result<bool, ConfigError> {
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(self.syntax("a truth value such as `true`")),
        }
    }

    fn probes(&self) -> Result<Vec<Probe>, ConfigError> {
        let probe = |name: String| serde_json::from_value(serde_json::Value::String(name)).ok();
        self.list()?
            .into_iter()
            .map(probe)
            .collect::<Option<_>>()
            .ok_or_else(|| self.syntax("a list of health check methods"))
    }

    fn headers(&self) -> Result<Vec<HeaderName>, ConfigError> {
        self.list()?
            .iter()
            .map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
            .collect::<Option<_>>()
            .ok_or_else(|| self.syntax("a list of header names"))
    }

    fn list(&self) -> Result<Vec<String>, ConfigError> {
        if self.text.starts_with('[') {
            return serde_json::from_str(self.text)
                .map_err(|_| self.syntax("a JSON list of strings"));
        }
        let items = self.text.split(',').map(str::trim);
        Ok(items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect())
    }

    fn syntax(&self, expected: &'static str) -> ConfigError {
        ConfigError::Syntax {
            variable: self.name.to_owned(),
            expected,
        }
    }
}

const PREFIX: &str = "MCP_SESSION_POOL_";

#[cfg(test)]
mod tests {
    use super::*;

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
        let expected = PoolConfig {
            enabled: true,
            max_sessions_per_key: 200,
            session_ttl: Duration::from_secs(120),
            health_check_interval: Duration::from_millis(45_500),
            acquire_timeout: Duration::from_secs(10),
            session_create_timeout: Duration::from_secs(11),
            circuit_breaker_threshold: 7,
            circuit_breaker_reset: Duration::from_secs(60),
            idle_pool_eviction: Duration::from_secs(900),
            call_timeout: Duration::from_secs(12),
            explicit_health_rpc: true,
            health_check_methods: vec![Probe::ListTools, Probe::Skip],
            health_check_timeout: Duration::from_secs(3),
            identity_headers: vec![
                http::header::AUTHORIZATION,
                HeaderName::from_static("x-org"),
            ],
            max_total_keys: 0,
            max_total_sessions: 0,
            close_timeout: Duration::from_secs(4),
            ..PoolConfig::default()
        };
        assert_eq!(config, expected);
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
            assert!(
                error.contains(name) || error.contains("max_sessions_per_key"),
                "{error}"
            );
            assert!(!error.contains("sekret"), "{error}");
        }
    }

    #[test]
    fn other_variables_are_left_alone() {
        let vars = [("PATH".to_owned(), "/bin".to_owned())];
        assert_eq!(PoolConfig::from_vars(vars).unwrap(), PoolConfig::default());
    }
}
