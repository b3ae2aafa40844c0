//! Registered commands.

mod command;
mod credential;
mod environment;
mod registry;

pub use command::StdioCommand;
pub(crate) use credential::Credential;
pub(crate) use registry::{Registered, Registry};
