//! What the two sides of the proxy mean to each other.

mod authorization;
mod eras;
mod meta;
mod progress;
mod renamed;

pub(crate) use authorization::Authorization;
pub(crate) use eras::{Complete, is_in_session, is_stateless};
pub(crate) use meta::passed_on;
pub(crate) use progress::Progress;
pub(crate) use renamed::Uris;
