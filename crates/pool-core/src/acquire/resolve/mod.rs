//! From a request to its key, and from a key to its pool.

mod identify;
mod key_cache;
mod key_factory;
mod key_notice;
mod log_levels;
mod request;
mod request_parts;
mod resolved;
mod resolver;
mod spare_room;

pub(crate) use identify::Identification;
pub(crate) use key_factory::KeyFactory;
pub use request::AcquireRequest;
pub(crate) use request_parts::RequestParts;
pub(crate) use resolved::{Resolved, Route, take};
pub(crate) use resolver::{Resolver, ResolverParts};
pub(crate) use spare_room::shrink;
