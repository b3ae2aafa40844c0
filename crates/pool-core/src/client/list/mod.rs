//! Lists of a server: page after page; and the lists and contents that the pool keeps.

mod bounds;
mod contents;
mod header_retry;
mod hints;
mod kept;
mod listing;
mod tools;
