//! The keys of a pool, with indexes.

mod index;
mod map;

pub(crate) use index::{KeyIndex, KeyPlace};
pub(crate) use map::KeyMap;
