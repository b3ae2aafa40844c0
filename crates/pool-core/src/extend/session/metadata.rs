//! Values that a user attaches to a session.

use std::{
    any::TypeId,
    fmt,
    sync::{Arc, PoisonError},
};

use super::shared::Shared;

/// Values that a user attaches to a session, at most one of each type. All clones are one map.
///
/// ```
/// use mcp_pool_core::extend::SessionMetadata;
/// #[derive(Debug, PartialEq)]
/// struct Region(&'static str);
/// let metadata = SessionMetadata::default();
/// assert!(metadata.insert(Region("eu")).is_none());
/// assert_eq!(metadata.get::<Region>().as_deref(), Some(&Region("eu")));
/// ```
#[derive(Clone, Default)]
pub struct SessionMetadata(Arc<Shared>);

impl SessionMetadata {
    /// The values of the session that shares this.
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// Attaches a value. Returns the value of the same type that it replaces.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let values = &self.0.rare().values;
        let mut values = values.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = values.insert(TypeId::of::<T>(), Arc::new(value));
        replaced.and_then(|value| value.downcast().ok())
    }

    /// The value of this type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let values = self.0.known_rare()?.values.read();
        let values = values.unwrap_or_else(PoisonError::into_inner);
        let value = values.get(&TypeId::of::<T>()).cloned()?;
        value.downcast().ok()
    }
}

impl fmt::Debug for SessionMetadata {
    /// Shows how many values there are, and none of them: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.known_rare().map(|rare| rare.values.read());
        let count = values.map_or(0, |it| it.unwrap_or_else(PoisonError::into_inner).len());
        f.debug_tuple("SessionMetadata").field(&count).finish()
    }
}
