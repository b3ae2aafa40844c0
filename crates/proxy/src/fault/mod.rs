//! What a failed call comes to for the downstream client.

mod fault;
mod party;
mod table;

pub use fault::Fault;
pub use party::Party;
