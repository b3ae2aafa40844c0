//! The settings of a pool, with the reason for each default.

mod duration;
mod env;
mod env_table;
mod env_value;
mod groups;
mod pool_config;
mod setters;
mod setting;

pub use crate::extend::{
    health_check::Probe,
    identity::{DEFAULT_IDENTITY_HEADERS, OnExtractError},
};
pub use crate::types::{Lifecycle, PER_REQUEST_HEADERS, PoolLimits, QuotaKind};
pub use groups::{
    BreakerConfig, HealthConfig, IdentityConfig, LimitsConfig, TimeoutsConfig, ToolCacheConfig,
};
pub(crate) use groups::{WaiterLimits, validate_limits};
pub use pool_config::PoolConfig;
pub use setting::Setting;
