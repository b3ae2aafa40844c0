#![doc = include_str!("../README.md")]

mod connection;
mod directory;
mod error;
mod keys;
mod reply;
mod scripts;

pub use directory::RedisDirectory;
pub use error::RedisFailure;
