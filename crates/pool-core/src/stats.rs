//! What a pool looks like at a point in time.

pub use crate::{
    breaker::BreakerState,
    pool::{
        BreakerStats, CloseReport, EndpointStats, EvictReport, KeyCondition, KeyCursor, KeyError,
        KeyOrder, KeyPage, KeyQuery, KeyStats, PoolStats,
    },
};
