//! A server with faults on demand, which counts what it executed.

mod answer;
mod armed;
mod fault;
mod ledger;
mod server;
mod sessions;
mod spoil;
mod state;
mod wire;

pub use armed::When;
pub use fault::Fault;
pub use ledger::{Ledger, Wrong};
pub use server::FaultServer;
pub use wire::Wire;
