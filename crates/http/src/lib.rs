#![doc = include_str!("../README.md")]

// Ground first: a module imports only modules above it.
mod compression;
mod http2;

mod client;
mod clients;
mod fault;
mod repetition;
mod session;

mod body;
mod events;
mod refusal;
mod repeat;

mod exchange;
mod probe;

mod send;

// The public signatures name types of these crates.
pub use bytes;
pub use http;
pub use reqwest;

pub use body::body;
pub use client::{BuildError, USER_AGENT, client, client_builder};
pub use clients::{ClientSet, HttpClients, UnknownClient};
pub use events::{Event, EventParser, EventStream, EventTooLarge};
pub use fault::HttpFault;
pub use probe::probe;
pub use refusal::{Refusal, RefusalBody, answer_to, is_check};
pub use repeat::send_repeatedly;
pub use send::send;
pub use session::{HttpSession, SessionCookie};
