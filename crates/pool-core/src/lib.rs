#![doc = include_str!("../README.md")]

// What users and extensions meet.
pub mod client;
pub mod config;
pub mod error;
pub mod event;
pub mod extend;
pub mod stats;

mod connector;
mod credentials;
mod detached;
mod endpoint;
mod fault;
mod handler;
mod headers;
mod health;
mod identity;
mod key;
mod lifecycle;
mod negotiation;
mod observe;
mod pool;
mod principal;
mod probe;
mod propagate;
mod scope;
mod session;
mod transport_kind;

// What it is made of.
mod breaker;
mod bucket;
mod digest;
mod expiry;
mod moment;
mod tools;
mod trace;

pub use client::PooledClient;
pub use config::PoolConfig;
pub use endpoint::Endpoint;
pub use key::PoolKey;
pub use pool::{AcquireRequest, Lease, PoolBuilder, SessionPool, WeakPool};
pub use principal::Principal;
pub use rmcp;
pub use scope::{ConversationId, Scope};
pub use transport_kind::TransportKind;
