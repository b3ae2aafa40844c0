//! The settings of a pool, with the reason for each default.

mod breaker;
mod duration;
mod env;
mod env_table;
mod env_value;
mod health;
mod identity;
mod limits;
mod pool_config;
mod setters;
mod setting;
mod timeouts;
mod tool_cache;

pub use crate::extend::{
    health_check::Probe,
    identity::{DEFAULT_IDENTITY_HEADERS, OnExtractError},
};
pub use crate::types::{Lifecycle, PER_REQUEST_HEADERS, PoolLimits};
pub use breaker::BreakerConfig;
pub use health::HealthConfig;
pub use identity::IdentityConfig;
pub use limits::LimitsConfig;
pub(crate) use limits::{WaiterLimits, validate_limits};
pub use pool_config::PoolConfig;
pub use setting::Setting;
pub use timeouts::TimeoutsConfig;
pub use tool_cache::ToolCacheConfig;
