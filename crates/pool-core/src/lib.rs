#![doc = include_str!("../README.md")]

// The folders, ground first: each imports only those above it.
mod acquire;
pub mod client;
pub mod config;
mod context;
mod detect;
pub mod error;
pub mod extend;
mod fleet;
mod handler;
mod key;
mod limits;
mod maintenance;
mod pool;
pub mod stats;
mod time;
mod trace;
mod types;
mod upstream;
mod wire;

/// The events that an [`Observer`](crate::extend::Observer) receives.
pub mod event {
    pub use crate::extend::observer::{
        AcquireFailed, Acquired, BreakerChanged, Built, CallFinished, Checked, CloseReason, Closed,
        ConnectFailed, Connected, Detected, KeyCreated, KeyEvicted, LeaseOverdue, ListChanged,
        PartlyRead, QuotaReached, Released, Resized, ServerStreamChanged, ToolsListed,
    };
}

pub use acquire::{AcquireRequest, Lease};
pub use client::PooledClient;
pub use config::PoolConfig;
pub use fleet::{Fleet, HandleError, SessionHandle};
pub use pool::{Circuit, CircuitStatus, EvictMode, PoolBuilder, SessionPool, WeakPool};
pub use types::{
    AffinityScope, ConversationId, Endpoint, PoolKey, Principal, Scope, Selector, TransportKind,
};

// The public signatures name types of these crates.
pub use http;
pub use rmcp;
pub use serde_json;
pub use tokio;
pub use tracing;
pub use url;
