//! An open session: its connection, its requests and its driver.

mod connection;
mod driver;
mod post;
mod rmcp_adapter;
mod stream;

pub(crate) use connection::{Connection, NewConnection, StreamState};
pub(crate) use driver::Driver;
pub(crate) use post::Post;
pub(crate) use rmcp_adapter::RmcpAdapter;
pub(crate) use stream::ResumePolicy;
