//! The rmcp handler of one downstream session.

mod call;
mod eras;
mod handler;
mod info;
mod listen;
mod lists;
mod meta;
mod progress;
mod renamed;
mod route;
mod server;
mod session_methods;

pub use handler::ProxyHandler;
