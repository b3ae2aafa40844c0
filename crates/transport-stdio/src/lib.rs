#![doc = include_str!("../README.md")]

// Ground first: a module imports only modules above it.
mod error;
mod limits;
mod stats;

mod start;

mod command;
mod process;
mod text;

mod session;

mod connect;

pub use command::StdioCommand;
pub use connect::StdioConnector;
pub use error::{CommandError, StdioError};
pub use stats::StdioStats;
