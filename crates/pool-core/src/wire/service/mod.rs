//! rmcp's client side over a session that needs none for its calls.

mod adapter;
mod bound;
mod peer;
mod service;
mod subscriptions;
mod turn;
mod urgent;

pub use peer::SessionPeer;
pub(super) use service::RmcpService;
pub use turn::Delivery;
