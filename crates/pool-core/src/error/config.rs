//! What can be wrong with a configuration.

use std::fmt;

/// What is wrong with a configuration. The caller's fault, always.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is out of its bounds.
    #[error("{field}: {kind} must be {bound}")]
    Bound {
        /// The field or variable.
        field: String,
        /// What kind of value it takes.
        kind: &'static str,
        /// The bound that it broke.
        bound: &'static str,
    },
    /// Two connectors were registered for one transport.
    #[error("connector: two for transport `{0}`")]
    DuplicateConnector(crate::TransportKind),
    /// The pool was built outside of a tokio runtime.
    #[error("a pool must be built within a tokio runtime")]
    NoRuntime,
    /// A connector was registered for [`TransportKind::AUTO`](crate::TransportKind::AUTO), which
    /// is no transport.
    #[error("connector: `auto` stands for whichever transport is spoken")]
    ReservedTransport,
    /// Several things are wrong, in the order of their names.
    #[error("{}", Lines(.0))]
    Several(Vec<Self>),
    /// A text is not of the form that its variable or key takes.
    #[error("{variable}: expected {expected}")]
    Syntax {
        /// The environment variable, or the key of a file.
        variable: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A key of a file that the pool does not know.
    #[error("{0}: unknown key")]
    UnknownKey(String),
    /// A variable with the pool's prefix that the pool does not know.
    #[error("{0}: unknown variable")]
    UnknownVariable(String),
}

impl ConfigError {
    pub(crate) fn bound(field: impl Into<String>, kind: &'static str, bound: &'static str) -> Self {
        Self::Bound {
            field: field.into(),
            kind,
            bound,
        }
    }

    /// All of these; `Ok` where there are none.
    ///
    /// # Errors
    /// The only one, or [`Several`](Self::Several).
    pub fn all(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => {
                errors.sort_by_key(ToString::to_string);
                Err(Self::Several(errors))
            }
        }
    }

    /// A count that must not be zero.
    pub(crate) fn at_least_one(field: &'static str) -> Self {
        Self::bound(field, "a count", "at least 1")
    }
}

/// Several errors, one a line.
struct Lines<'e>(&'e [ConfigError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} settings are wrong:", self.0.len())?;
        for error in self.0 {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

/// Why the limits of a pool could not be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeError {
    /// The pool is closed, or closing.
    #[error("the pool is closed")]
    Closed,
    /// A limit is out of its bounds; the limits are those from before.
    #[error(transparent)]
    Config(#[from] ConfigError),
}
