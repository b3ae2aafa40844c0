//! Rules on comments and pages.

mod architecture_paths;
mod comments;
mod plain_words;

pub(super) use self::{architecture_paths::architecture_paths, plain_words::plain_words};
