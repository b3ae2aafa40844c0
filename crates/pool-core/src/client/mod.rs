//! A caller's view of a pool: calls, each on a session for exactly as long as it takes.

mod bound;
mod call;
mod input;
mod input_responder;
mod list;
mod methods;
mod pooled_client;
mod recovery;
mod retry_policy;
mod send;
mod subscription;
mod trace_context;
mod typed;

pub use crate::handler::ResourceUpdate;
pub use bound::ResourceUpdates;
pub use pooled_client::PooledClient;
pub use subscription::Subscription;
