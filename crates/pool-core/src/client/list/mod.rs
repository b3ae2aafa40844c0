//! Lists of a server: page after page, and the cached lists of tools.

mod bounds;
mod header_retry;
mod hints;
mod listing;
mod tools;

pub(super) use listing::Extent;
