//! What is bound to a session, and is made again on the session that follows: the level of the log, and
//! subscriptions to resources.

mod acknowledged;
mod bound_session;
mod by_listening;
mod keeper;
mod log_level;
mod on_session;
mod pauses;
mod roots;
mod updates;

pub use updates::ResourceUpdates;
