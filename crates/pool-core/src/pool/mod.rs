//! The pool, as users hold it.

mod builder;
mod circuit;
mod close;
mod evict;
mod handles;
mod leases;
mod resize;
mod session_pool;
mod slices;
mod views;
mod weak;

pub use builder::PoolBuilder;
pub use circuit::{Circuit, CircuitStatus};
pub use evict::EvictMode;
pub use session_pool::SessionPool;
pub use weak::WeakPool;
