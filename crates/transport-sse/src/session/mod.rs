//! An open session: its connection, its messages and its driver.

mod bound_handler;
mod connection;
mod driver;
mod post;
mod rmcp_adapter;

pub(crate) use bound_handler::BoundHandler;
pub(crate) use connection::{Connection, NewConnection};
pub(crate) use driver::Driver;
pub(crate) use rmcp_adapter::RmcpAdapter;
