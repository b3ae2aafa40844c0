//! The directory in a real server.

mod conformance;
mod outages;
mod processes;
mod secrets;
mod server;
