//! The level of the log that a key wants, over whichever transport it is reached.
#![expect(deprecated, reason = "servers of the revisions with sessions do log")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rmcp::model::LoggingLevel;

use crate::{context::Context, key::KeyMap, key::KeyPool};

/// The level of the log that a key wants, which the same key has over each other transport: where the
/// pool detects another one, the level holds there too.
pub(super) struct LogLevels {
    context: Arc<Context>,
    keys: Arc<KeyMap>,
    /// True once a key wants a level. Without one, a new key looks for none.
    is_any: AtomicBool,
}

impl LogLevels {
    pub(super) fn new(context: Arc<Context>, keys: Arc<KeyMap>) -> Self {
        Self {
            context,
            keys,
            is_any: AtomicBool::new(false),
        }
    }

    /// Sets the level that a key wants. The flag comes first: a key that is created meanwhile is found
    /// here, or finds the level.
    pub(super) fn set(&self, key: &KeyPool, level: LoggingLevel) {
        self.is_any.store(true, Ordering::SeqCst);
        key.log_level.set(level);
        for other in self.elsewhere(key) {
            other.log_level.set(level);
        }
    }

    /// Gives a new key, which is in the map, the level that it has over another transport.
    pub(super) fn inherit(&self, key: &KeyPool) {
        if !self.is_any.load(Ordering::SeqCst) {
            return;
        }
        if let Some(level) = self.elsewhere(key).find_map(|other| other.log_level.get()) {
            key.log_level.set_first(level);
        }
    }

    /// The pools of the same key over other transports.
    fn elsewhere(&self, key: &KeyPool) -> impl Iterator<Item = Arc<KeyPool>> {
        let (own, profile) = (&key.key, &key.profile);
        let kinds = self.context.connectors.in_order().iter();
        let others = kinds.filter(|(kind, _)| kind != own.transport());
        others.filter_map(move |(kind, _)| {
            let other = own.over(
                kind,
                &self.context.secret,
                profile.name(),
                &profile.declared,
            );
            self.keys.get(&other)
        })
    }
}
