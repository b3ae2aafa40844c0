//! The directory inside a process.

mod directory;
mod store;

pub use directory::InMemoryDirectory;
