//! Texts that are never shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is never shown: a token, a client secret, an assertion. `Debug` shows nothing of it.
///
/// ```
/// use mcp_pool_oauth::Secret;
/// let secret = Secret::from("pl4nted");
/// assert_eq!(secret.expose(), "pl4nted");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
