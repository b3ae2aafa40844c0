#![doc = include_str!("../README.md")]

pub mod conformance;
mod connections;
pub mod fake;
mod fault_server;
mod line_server;
pub mod logs;
pub mod mocks;
mod notifying_server;
mod raw;
mod relay;
mod scripted;
pub mod server;
pub mod streams;

pub use fault_server::{
    CallRecord, Fault, FaultServer, FaultServerBuilder, Ledger, OrderError, When, Wire, Wrong,
};
pub use line_server::LineServer;
pub use notifying_server::NotifyingServer;
pub use raw::{RawRequest, RawServer, Reply};
pub use relay::{Cuts, Relay};
pub use scripted::{Exchange, Front, HttpRequest, ScriptedServer};
