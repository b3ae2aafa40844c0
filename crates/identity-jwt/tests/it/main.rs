//! What the extractor promises, one file per promise.

// Helpers outside of test functions, too, are test code.
#![allow(clippy::unwrap_used)]

mod forgery;
mod identity;
mod keys;
mod rotation;
mod secrecy;
mod server;
mod support;
