//! Servers and networks as they are: what they do, and what becomes of the calls.

mod circuit;
mod common;
mod connections;
mod conversations;
mod lost_sessions;
mod proof;
mod requested_waits;
