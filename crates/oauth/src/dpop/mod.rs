//! Proofs of possession (RFC 9449).

mod key;

pub use key::DpopKey;
pub(crate) use key::{NONCE, PROOF};
