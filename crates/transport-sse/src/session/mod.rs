//! An open session: its connection, its messages and its driver.

mod connection;

mod post;

mod cancel;

mod wire;

mod reader;

mod driver;

pub(crate) use connection::NewConnection;
pub(crate) use driver::Driver;
