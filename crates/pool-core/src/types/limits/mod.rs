//! The limits and quotas of a pool.

mod pool_limits;
mod quota_kind;

pub use pool_limits::PoolLimits;
pub use quota_kind::QuotaKind;
