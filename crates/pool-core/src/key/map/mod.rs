//! TODO.

mod index;
mod map;

pub(crate) use map::KeyMap;
