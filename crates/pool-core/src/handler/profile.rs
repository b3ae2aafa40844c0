//! What a factory declares, as a part of the key.

use std::{ops::Deref, sync::Arc};

use super::factory::HandlerFactory;

/// What a factory declares, as a part of the key. Cheap to clone, and one word in each key.
#[derive(Clone)]
pub(crate) struct Profile(Arc<Declared>);

pub(crate) struct Declared {
    pub(crate) factory: Arc<dyn HandlerFactory>,
    /// The declared capabilities as canonical JSON.
    pub(crate) declared: Box<[u8]>,
}

impl Profile {
    pub(crate) fn new(factory: Arc<dyn HandlerFactory>) -> Self {
        // Through `Value`, whose maps are sorted: the same capabilities give the same bytes.
        let declared = serde_json::to_value(factory.declared())
            .map(|value| value.to_string().into_bytes())
            .unwrap_or_default();
        Self(Arc::new(Declared {
            factory,
            declared: declared.into(),
        }))
    }

    /// The name of the factory's handlers.
    pub(crate) fn name(&self) -> &str {
        self.factory.profile()
    }

    /// The first declared capability that only a single caller can serve.
    pub(crate) fn needs_caller(&self) -> Option<&'static str> {
        let declared = self.factory.declared();
        [
            ("elicitation", declared.elicitation.is_some()),
            ("roots", declared.roots.is_some()),
            ("sampling", declared.sampling.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_declared)| is_declared.then_some(name))
    }
}

impl Deref for Profile {
    type Target = Declared;

    fn deref(&self) -> &Declared {
        &self.0
    }
}
