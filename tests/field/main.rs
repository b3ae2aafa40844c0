//! Servers and networks as they are: what they do, and what becomes of the calls.

mod circuit;
mod common;
mod compression;
mod connections;
mod conversations;
mod limits;
mod loops;
mod lost_sessions;
mod optional_stream;
mod proof;
mod reading;
mod refused_revisions;
mod requested_waits;
