//! An open session: its state, its requests, its streams and its driver.

mod call;
mod cancel;
mod connection;
mod driver;
mod listen;
mod pace;
mod rare;
mod read;
mod standalone;
mod tools;
mod wire;

pub(crate) use connection::{Connection, NewConnection, STATELESS};
pub(crate) use wire::discover_request;
