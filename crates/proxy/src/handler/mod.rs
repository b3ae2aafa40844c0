//! The rmcp handler of one downstream session.

mod asked;
mod call;
mod handler;
mod info;
mod listen;
mod lists;
mod route;
mod server;
mod session_methods;
mod skills;
mod tasks;

pub use handler::ProxyHandler;
