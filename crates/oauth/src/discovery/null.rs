//! Members of metadata that are null.

use serde::{Deserialize, Deserializer};

/// Reads a member that may be null, which stands for one that is not there.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
