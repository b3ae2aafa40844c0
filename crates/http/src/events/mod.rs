//! Event streams, read with bounded memory.

mod ends;
mod parser;
mod stream;

pub use parser::{Event, EventParser, EventTooLarge};
pub use stream::EventStream;
