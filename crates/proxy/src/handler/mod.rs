//! The rmcp handler of one downstream session.

mod call;
mod handler;
mod info;
mod listen;
mod lists;
mod route;
mod server;
mod session_methods;

pub use handler::ProxyHandler;
