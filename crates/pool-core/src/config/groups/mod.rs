//! The settings by group.

mod breaker;
mod health;
mod identity;
mod limits;
mod timeouts;
mod tool_cache;

pub use breaker::BreakerConfig;
pub use health::HealthConfig;
pub use identity::IdentityConfig;
pub use limits::LimitsConfig;
pub(crate) use limits::{WaiterLimits, validate_limits};
pub use timeouts::TimeoutsConfig;
pub use tool_cache::ToolCacheConfig;
