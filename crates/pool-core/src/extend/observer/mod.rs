//! The events of a pool and who receives them.

mod close_reason;
mod events;
mod observer;
mod pool_handle;

pub use close_reason::CloseReason;
pub use events::{
    AcquireFailed, Acquired, BreakerChanged, Built, CallFinished, Checked, Closed, ConnectFailed,
    Connected, Detected, KeyCreated, KeyEvicted, LeaseOverdue, ListChanged, PartlyRead,
    QuotaReached, Released, Resized, ServerStreamChanged, ToolsListed,
};
pub use observer::Observer;
pub use pool_handle::PoolHandle;
