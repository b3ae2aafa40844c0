//! The handle on a pool that an event carries.

use std::{any::Any, fmt};

/// A handle on a pool that does not keep the pool open, as [`Built`](crate::event::Built) carries it.
///
/// The events know no pool; [`WeakPool::of`](crate::WeakPool::of) gives the handle its type back.
pub trait PoolHandle: Any + fmt::Debug + Send + Sync {}
