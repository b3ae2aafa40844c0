//! The configuration of a world.

use std::{num::NonZeroU32, time::Duration};

use mcp_pool_core::{PoolConfig, config::OnExtractError};

use super::super::numbers::Numbers;

/// A configuration with small limits and short times, so that each of them matters.
pub(super) fn config(numbers: &mut Numbers) -> PoolConfig {
    let slots = |numbers: &mut Numbers, max| {
        let slots = u32::try_from(numbers.below(max)).unwrap_or_default();
        NonZeroU32::MIN.saturating_add(slots)
    };
    let refuse = numbers.chance(50);
    let config = PoolConfig::default()
        .with_enabled(numbers.chance(90))
        .with_max_sessions_per_key(1 + numbers.below(4))
        .with_max_total_sessions(numbers.below(7))
        .with_max_total_keys(numbers.below(6))
        .with_max_concurrent_per_session(slots(numbers, 2))
        .with_max_concurrent_per_conversation(slots(numbers, 4))
        .with_on_extract_error(match refuse {
            true => OnExtractError::Refuse,
            false => OnExtractError::HashHeaders,
        });
    let debounce = match numbers.chance(30) {
        true => Duration::ZERO,
        false => numbers.millis(50),
    };
    config
        .with_session_ttl(numbers.millis(3_000))
        .with_session_ttl_jitter(numbers.pick(&[0.0, 0.1, 1.0]))
        .with_idle_pool_eviction(numbers.millis(3_000))
        .with_acquire_timeout(numbers.millis(LONGEST))
        .with_session_create_timeout(numbers.millis(LONGEST))
        .with_call_timeout(numbers.millis(LONGEST))
        .with_close_timeout(numbers.millis(100))
        .with_health_check_interval(numbers.millis(500))
        .with_circuit_breaker_threshold(1 + numbers.next() as u32 % 4)
        .with_circuit_breaker_reset(numbers.millis(500))
        .with_list_changed_debounce(debounce)
}

/// What a pool does for calls to come, and quotas: in a part of the worlds, each part of it in a part of those.
pub(super) fn with_upkeep(config: PoolConfig, numbers: &mut Numbers) -> PoolConfig {
    if !numbers.chance(50) {
        return config;
    }
    let mut count = |percent, most| match numbers.chance(percent) {
        true => 1 + numbers.below(most),
        false => 0,
    };
    let (ready, of_principal, of_endpoint) = (count(60, 2), count(30, 3), count(30, 4));
    let keepalive = match numbers.chance(60) {
        true => SHORTEST_KEEPALIVE + numbers.millis(400),
        false => Duration::ZERO,
    };
    config
        .with_min_idle_per_key(ready)
        .with_keepalive_interval(keepalive)
        .with_max_sessions_per_principal(of_principal)
        .with_max_sessions_per_endpoint(of_endpoint)
}

/// Quotas of calls: in a part of the worlds, each in a part of those.
pub(super) fn with_call_quotas(config: PoolConfig, numbers: &mut Numbers) -> PoolConfig {
    if !numbers.chance(25) {
        return config;
    }
    let mut count = |percent, most| match numbers.chance(percent) {
        true => 1 + numbers.below(most),
        false => 0,
    };
    config
        .with_max_calls_per_principal(count(50, 3))
        .with_max_calls_per_tenant(count(50, 4))
        .with_max_calls_per_endpoint(count(50, 4))
}

/// So that a world does more than check its idle sessions.
const SHORTEST_KEEPALIVE: Duration = Duration::from_millis(20);

/// The longest time limit of a world, in milliseconds.
pub(super) const LONGEST: u64 = 500;
