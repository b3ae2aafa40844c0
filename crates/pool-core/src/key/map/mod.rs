//! The keys of a pool, with indexes.

mod index;
mod map;

pub(crate) use index::KeyIndex;
pub(crate) use map::KeyMap;
