//! What the transport of a session, the pool and its users share.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{
        Arc, OnceLock, RwLock,
        atomic::{AtomicBool, AtomicU8},
    },
};

use once_cell::race::OnceBox;
use tokio::sync::Notify;

use super::stream_state::ServerStream;

/// What the transport of a session, the pool and its users share: one block of memory.
#[derive(Default)]
pub(super) struct Shared {
    /// True once the transport has reported the end of the session.
    pub(super) has_ended: AtomicBool,
    /// The [`ServerStream`], as a number.
    pub(super) stream: AtomicU8,
    /// Gets the end of the session.
    pub(super) end_listener: OnceLock<Box<dyn Fn() + Send + Sync>>,
    rare: OnceBox<Rare>,
}

/// What most sessions never have. Made for the first of it.
#[derive(Default)]
pub(super) struct Rare {
    /// Gets each change of the stream.
    pub(super) stream_listener: OnceLock<StreamListener>,
    /// Notified when the stream opens.
    pub(super) stream_opened: Notify,
    /// Values of a user, at most one of each type.
    pub(super) values: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// Gets the state before and the state after a change.
pub(super) type StreamListener = Box<dyn Fn(ServerStream, ServerStream) + Send + Sync>;

impl Shared {
    pub(super) fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    pub(super) fn known_rare(&self) -> Option<&Rare> {
        self.rare.get()
    }
}
