//! The promises of the extractor, one file per promise.

// Helpers outside of test functions are test code too.
#![allow(clippy::unwrap_used)]

mod conformance;
mod forgery;
mod identity;
mod keys;
mod rotation;
mod secrecy;
mod server;
mod support;
