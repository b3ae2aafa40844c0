//! Every knob of a pool, with the reason for its default.

mod env;
mod error;

use std::{num::NonZeroU32, time::Duration};

pub use error::ConfigError;
use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::{
    DEFAULT_IDENTITY_HEADERS, OnExtractError, PER_REQUEST_HEADERS, Probe, breaker::BreakerPolicy,
    expiry::ExpiryPolicy,
};

/// The configuration of a pool. Plain data: set fields over [`Default`] and hand it to
/// [`SessionPool::builder`](crate::SessionPool::builder), which validates it.
///
/// Durations are written as humantime in serde (`"30s"`, `"5m"`); unknown fields are refused.
///
/// ```
/// use std::time::Duration;
/// use mcp_pool_core::PoolConfig;
/// let config = PoolConfig {
///     max_sessions_per_key: 4,
///     session_ttl: Duration::from_secs(120),
///     ..PoolConfig::default()
/// };
/// config.validate()?;
/// let same: PoolConfig =
///     serde_json::from_str(r#"{"max_sessions_per_key": 4, "session_ttl": "2m"}"#).unwrap();
/// assert_eq!(same, config);
/// # Ok::<(), mcp_pool_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolConfig {
    /// How long an acquire may wait in all, for identity, room, a connect or its turn.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    /// How long a call of a [`PooledClient`](crate::PooledClient) may take in all, waiting for a
    /// session included.
    #[serde(with = "humantime_serde")]
    pub call_timeout: Duration,
    /// How long an endpoint's circuit stays open.
    #[serde(with = "humantime_serde")]
    pub circuit_breaker_reset: Duration,
    /// Failures in a row that open an endpoint's circuit. At least 1.
    pub circuit_breaker_threshold: u32,
    /// How long the farewell to a server may take.
    #[serde(with = "humantime_serde")]
    pub close_timeout: Duration,
    /// Whether sessions are reused at all. `false` opens one per lease and closes it afterwards.
    pub enabled: bool,
    /// Whether [`SessionPool::check_endpoint`](crate::SessionPool::check_endpoint) asks the server
    /// for its tools, instead of leaving it at a session that could be had.
    pub explicit_health_rpc: bool,
    /// A session unused for longer than this is asked whether it is alive before it is handed out.
    /// One without a state is never asked.
    #[serde(with = "humantime_serde")]
    pub health_check_interval: Duration,
    /// What it is asked, in order: see [`ProbePlan::run`](crate::ProbePlan::run). Not empty.
    pub health_check_methods: Vec<Probe>,
    /// How long each of these questions may take.
    #[serde(with = "humantime_serde")]
    pub health_check_timeout: Duration,
    /// The headers that tell one caller from another when no extractor does. Not empty.
    #[serde(with = "header_names")]
    pub identity_headers: Vec<HeaderName>,
    /// A key unused for longer than this is forgotten and its idle sessions are closed.
    #[serde(with = "humantime_serde")]
    pub idle_pool_eviction: Duration,
    /// How long the handler of a key is not told that a list has changed, counted from the first
    /// time that a session of the key hears so. A burst of changes is told once, at the end of that
    /// time or when the session ends. The pool itself takes note at once. 0: every change is told.
    #[serde(with = "humantime_serde")]
    pub list_changed_debounce: Duration,
    /// How many calls may run at the same time on the one session of a conversation.
    pub max_concurrent_per_conversation: NonZeroU32,
    /// How many calls may run at the same time on a session with a state (revision 2025-11-25 and
    /// before), unless its endpoint says otherwise.
    pub max_concurrent_per_session: NonZeroU32,
    /// How many calls may run at the same time on the one session without a state (revision
    /// 2026-07-28) that a key needs, unless its endpoint says otherwise.
    pub max_concurrent_per_stateless_session: NonZeroU32,
    /// How many sessions a key may have: in use, idle and being opened. At least 1. A conversation
    /// has one, since a second one would not share its state; so has any key of a server that keeps
    /// no sessions, since a second one would add nothing.
    pub max_sessions_per_key: usize,
    /// How many keys the pool may know. 0: no limit.
    pub max_total_keys: usize,
    /// How many sessions the pool may have: in use, idle and being opened. 0: no limit.
    pub max_total_sessions: usize,
    /// Names the pool in logs and metrics.
    pub name: String,
    /// The headers of a caller that travel with the one call they came with, never with another.
    #[serde(with = "header_names")]
    pub passthrough_headers: Vec<HeaderName>,
    /// What happens when an identity extractor fails.
    pub on_extract_error: OnExtractError,
    /// How long opening a session may take, handshake included.
    #[serde(with = "humantime_serde")]
    pub session_create_timeout: Duration,
    /// How long a session may live. One without a state does not grow old.
    #[serde(with = "humantime_serde")]
    pub session_ttl: Duration,
    /// By which part of `session_ttl` lives are shortened at random. 0.0 to 1.0.
    pub session_ttl_jitter: f64,
    /// How much memory the tool lists that are kept may take, in bytes of JSON. The lists that were
    /// used the longest ago go first; one that is larger by itself is not kept.
    pub tool_list_max_bytes: u64,
    /// How long a list of tools may be used again that a [`PooledClient`](crate::PooledClient) got
    /// for its key. 0: every list is asked for.
    ///
    /// A list is let go of before that when its server says that it has changed, or how long it
    /// is fresh (`ttlMs`), and where the server keeps it to one credential (`cacheScope`), when the
    /// caller comes with another. To hear of changes, each session with an older server then keeps
    /// a stream open: one connection and about 27 KB a session.
    #[serde(with = "humantime_serde")]
    pub tool_list_ttl: Duration,
    /// For how long it is taken for granted which transport an address speaks
    /// ([`Endpoint::auto`](crate::Endpoint::auto)). After that it is asked again in the background.
    #[serde(with = "humantime_serde")]
    pub transport_verdict_ttl: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            // As long as gateways let their own callers wait.
            acquire_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            // Long enough for a server to restart, short enough not to be noticed twice.
            circuit_breaker_reset: Duration::from_secs(60),
            // One lost packet or one restart must not open it.
            circuit_breaker_threshold: 5,
            // A farewell takes under a millisecond; a hung server must not hold up a shutdown.
            close_timeout: Duration::from_secs(2),
            enabled: true,
            // A list of tools is expensive for many servers, and `ping` says as much.
            explicit_health_rpc: false,
            // Servers drop idle sessions after minutes; within one minute the answer would be yes.
            health_check_interval: Duration::from_secs(60),
            // Servers that do not know `ping` are alive all the same.
            health_check_methods: vec![Probe::Ping, Probe::Skip],
            health_check_timeout: Duration::from_secs(5),
            identity_headers: DEFAULT_IDENTITY_HEADERS.to_vec(),
            // Twice a session's life: by then nothing is left to be kept.
            idle_pool_eviction: Duration::from_secs(600),
            // Servers that reload say so for every tool; whoever asks again asks once.
            list_changed_debounce: Duration::from_secs(5),
            max_concurrent_per_conversation: NonZeroU32::new(64).expect("64 is not zero"),
            // Not every server keeps two calls of one session apart.
            max_concurrent_per_session: NonZeroU32::MIN,
            // Nothing is shared but connections; it bounds what one caller can have a server do.
            max_concurrent_per_stateless_session: NonZeroU32::new(256).expect("256 is not zero"),
            max_sessions_per_key: 10,
            // About 125 MB of bookkeeping.
            max_total_keys: 100_000,
            // An idle session costs 52 to 97 KB and up to one socket: 400 MB at most.
            max_total_sessions: 4_096,
            name: "default".to_owned(),
            passthrough_headers: PER_REQUEST_HEADERS.to_vec(),
            on_extract_error: OnExtractError::HashHeaders,
            session_create_timeout: Duration::from_secs(30),
            // Servers commonly drop sessions after five idle minutes.
            session_ttl: Duration::from_secs(300),
            // Sessions that were opened together do not end together.
            session_ttl_jitter: 0.1,
            // A thousand lists of 64 KB, which is a hundred well described tools each.
            tool_list_max_bytes: 64 * 1024 * 1024,
            // Off: not every server says that its list has changed, and a stale list is a surprise.
            tool_list_ttl: Duration::ZERO,
            // Servers change their transport with a release; one that denies it is asked at once.
            transport_verdict_ttl: Duration::from_secs(600),
        }
    }
}

impl PoolConfig {
    /// Checks every field against its bounds.
    ///
    /// # Errors
    /// [`ConfigError::Bound`] names the first field that is out of them.
    pub fn validate(&self) -> Result<(), ConfigError> {
        at_least_one(
            "circuit_breaker_threshold",
            self.circuit_breaker_threshold as usize,
        )?;
        at_least_one("max_sessions_per_key", self.max_sessions_per_key)?;
        at_least_one("health_check_methods", self.health_check_methods.len())?;
        at_least_one("identity_headers", self.identity_headers.len())?;
        for (field, duration) in [
            ("acquire_timeout", self.acquire_timeout),
            ("call_timeout", self.call_timeout),
            ("circuit_breaker_reset", self.circuit_breaker_reset),
            ("close_timeout", self.close_timeout),
            ("health_check_timeout", self.health_check_timeout),
            ("idle_pool_eviction", self.idle_pool_eviction),
            ("session_create_timeout", self.session_create_timeout),
            ("session_ttl", self.session_ttl),
            ("transport_verdict_ttl", self.transport_verdict_ttl),
        ] {
            if duration.is_zero() {
                return Err(ConfigError::bound(field, "a duration", "longer than zero"));
            }
        }
        if !(0.0..=1.0).contains(&self.session_ttl_jitter) {
            return Err(ConfigError::bound(
                "session_ttl_jitter",
                "a number",
                "within 0.0 to 1.0",
            ));
        }
        Ok(())
    }

    pub(crate) fn expiry(&self) -> ExpiryPolicy {
        ExpiryPolicy {
            ttl: self.session_ttl,
            jitter: self.session_ttl_jitter,
            check_after: self.health_check_interval,
        }
    }

    pub(crate) fn breaker(&self) -> BreakerPolicy {
        BreakerPolicy {
            threshold: self.circuit_breaker_threshold,
            reset: self.circuit_breaker_reset,
            probe_deadline: self.session_create_timeout,
        }
    }
}

fn at_least_one(field: &'static str, count: usize) -> Result<(), ConfigError> {
    if count == 0 {
        return Err(ConfigError::bound(field, "a count", "at least 1"));
    }
    Ok(())
}

/// Header names as a list of strings.
mod header_names {
    use http::HeaderName;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        names: &[HeaderName],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
        names.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<HeaderName>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let parse = |name: &String| HeaderName::from_bytes(name.as_bytes());
        names
            .iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map_err(Error::custom)
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
        let broken = [
            (
                "max_sessions_per_key",
                PoolConfig {
                    max_sessions_per_key: 0,
                    ..Default::default()
                },
            ),
            (
                "session_ttl",
                PoolConfig {
                    session_ttl: Duration::ZERO,
                    ..Default::default()
                },
            ),
            (
                "session_ttl_jitter",
                PoolConfig {
                    session_ttl_jitter: 1.5,
                    ..Default::default()
                },
            ),
            (
                "identity_headers",
                PoolConfig {
                    identity_headers: vec![],
                    ..Default::default()
                },
            ),
        ];
        for (field, config) in broken {
            let error = config.validate().unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<PoolConfig>(r#"{"max_session_per_key": 1}"#).is_err());
    }
}
