//! A server with faults on demand, which counts what it executed.

mod answer;
#[cfg(feature = "tls")]
mod certificates;
mod faults;
mod ledger;
mod server;
mod sessions;
mod spoil;
mod state;
mod wire;

pub use faults::{Fault, OrderError, When};
pub use ledger::{CallRecord, Ledger, Wrong};
pub use server::{FaultServer, FaultServerBuilder};
pub use wire::Wire;
