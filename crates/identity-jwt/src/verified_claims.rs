//! The claims of a token that was verified.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::Value;

/// The claims of a token whose signature was verified. Cheap to clone. `Debug`
/// shows their number.
#[derive(Clone)]
pub struct VerifiedClaims(Arc<Payload>);

struct Payload {
    claims: BTreeMap<String, Value>,
    bytes: usize,
}

impl VerifiedClaims {
    pub(crate) fn new(claims: BTreeMap<String, Value>, bytes: usize) -> Self {
        Self(Arc::new(Payload { claims, bytes }))
    }

    /// The value of a claim. Null counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        present(&self.0.claims, name)
    }

    /// The value of a claim that is a text and not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let text = self.get(name)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// About the bytes of memory that the claims take.
    pub(crate) fn weight(&self) -> usize {
        // Each value has a node of a map, a name and an allocation of its own.
        3 * self.0.bytes
    }
}

impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedClaims({})", self.0.claims.len())
    }
}

/// The value of a claim; null counts as absent.
pub(crate) fn present<'c>(claims: &'c BTreeMap<String, Value>, name: &str) -> Option<&'c Value> {
    claims.get(name).filter(|value| !value.is_null())
}
