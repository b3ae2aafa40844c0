//! What a pool looks like at a point in time.

mod best;
mod details;
mod endpoint;
mod held_lease;
mod key;
mod pool;
mod query;
mod quota;
mod report;
mod status;

pub use crate::types::BreakerState;
pub use details::{KeyDetails, SessionStats, WaiterStats};
pub use endpoint::EndpointStats;
pub use held_lease::HeldLease;
pub use key::{KeyError, KeyPage, KeyStats};
pub use pool::{BreakerStats, PoolStats};
pub use query::{KeyCondition, KeyCursor, KeyOrder, KeyQuery};
pub use quota::QuotaStats;
pub use report::{CloseReport, EvictReport};
pub use status::PoolStatus;
