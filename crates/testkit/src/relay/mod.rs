//! A relay between a client and a server, which cuts connections and pauses.

mod carry;
mod cuts;
mod mode;
mod relay;

pub use cuts::Cuts;
pub use relay::Relay;
