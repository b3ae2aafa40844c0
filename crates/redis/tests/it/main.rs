//! The directory in a real server.

mod clusters;
mod conformance;
mod news;
mod outages;
mod processes;
mod secrets;
mod sentinels;
mod server;
