//! What a failed call comes to for the downstream client.

mod fault;
mod party;
mod table;

pub use fault::Fault;
pub(crate) use fault::elicits_by_url;
pub use party::Party;
