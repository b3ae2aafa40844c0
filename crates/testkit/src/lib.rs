#![doc = include_str!("../README.md")]

mod accepting;
#[cfg(feature = "servers")]
pub mod conformance;
#[cfg(feature = "servers")]
mod connections;
#[cfg(feature = "fake")]
pub mod fake;
mod fault_server;
#[cfg(feature = "servers")]
mod line_server;
#[cfg(feature = "logs")]
pub mod logs;
#[cfg(feature = "mocks")]
pub mod mocks;
#[cfg(feature = "servers")]
mod notifying_server;
mod raw;
mod relay;
#[cfg(feature = "servers")]
mod scripted;
#[cfg(feature = "servers")]
pub mod server;
pub mod streams;

pub use fault_server::{
    CallRecord, Fault, FaultServer, FaultServerBuilder, Ledger, OrderError, When, Wire, Wrong,
};
#[cfg(feature = "servers")]
pub use line_server::LineServer;
#[cfg(feature = "servers")]
pub use notifying_server::NotifyingServer;
pub use raw::{RawRequest, RawServer, Reply};
pub use relay::{Cuts, Relay};
#[cfg(feature = "servers")]
pub use scripted::{Exchange, Front, HttpRequest, ScriptedServer};
