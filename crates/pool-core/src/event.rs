//! The events that an observer receives.

pub use crate::observe::{
    AcquireFailed, Acquired, BreakerChanged, Built, CallFinished, Checked, CloseReason, Closed,
    ConnectFailed, Connected, Detected, KeyCreated, KeyEvicted, ListChanged, Released, ToolsListed,
};
