//! rmcp's client side over a session that needs none for its calls.

mod adapter;
mod bound;
mod call_progress;
mod host;
mod on_demand;
mod peer;
mod service;
mod subscriptions;
mod turn;
mod urgent;

pub(super) use host::ServiceHost;
pub(super) use on_demand::OnDemand;
pub use peer::SessionPeer;
pub use turn::Delivery;
