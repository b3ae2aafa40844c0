//! Header names as a list of strings in serde.

use http::HeaderName;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

pub(super) fn serialize<S: Serializer>(
    names: &[HeaderName],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    names.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<HeaderName>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let parse = |name: &String| HeaderName::from_bytes(name.as_bytes());
    names
        .iter()
        .map(parse)
        .collect::<Result<_, _>>()
        .map_err(Error::custom)
}
