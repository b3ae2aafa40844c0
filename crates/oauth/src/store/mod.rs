//! Where tokens and registrations are kept.

mod credential_store;
mod file;
mod head;
mod memory;

pub use credential_store::{CredentialStore, Record, RecordName, StoreError};
pub use file::FileStore;
pub use memory::MemoryStore;
