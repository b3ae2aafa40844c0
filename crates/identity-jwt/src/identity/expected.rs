//! The values that a claim must have.

use std::collections::BTreeSet;

/// The values that a claim of a token may have.
pub(super) enum Expected {
    Unset,
    Any,
    OneOf(BTreeSet<String>),
}

/// A value that must be set is not set.
pub(super) struct Unset;

impl Expected {
    /// Adds a value.
    pub(super) fn and(self, value: String) -> Self {
        let mut values = match self {
            Self::OneOf(values) => values,
            Self::Unset | Self::Any => BTreeSet::new(),
        };
        values.insert(value);
        Self::OneOf(values)
    }

    /// The accepted values, `None` for any. [`Unset`] if there are none and
    /// `is_optional` is false.
    pub(super) fn into_values(self, is_optional: bool) -> Result<Option<BTreeSet<String>>, Unset> {
        match self {
            Self::OneOf(values) => Ok(Some(values)),
            Self::Any => Ok(None),
            Self::Unset if is_optional => Ok(None),
            Self::Unset => Err(Unset),
        }
    }
}
