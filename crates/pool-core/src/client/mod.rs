//! TODO.

mod call;
mod header_retry;
mod input;
mod input_responder;
mod listing;
mod methods;
mod pooled_client;
mod retry_policy;
mod send;
mod subscription;
mod tools;
mod trace_context;

pub use pooled_client::PooledClient;
pub use subscription::Subscription;
