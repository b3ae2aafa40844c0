//! The directory in a real server.

mod conformance;
mod outages;
mod secrets;
mod server;
