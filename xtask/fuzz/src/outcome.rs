//! What a check of an input returns.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::{HeaderMap, HeaderName, HeaderValue};

/// Checks an input. Returns the shape of the outcome: inputs of a new one are mutated further.
///
/// # Panics
/// The property does not hold.
pub(crate) type Property = Box<dyn Fn(&[u8]) -> u64>;

/// The lines of an input as headers.
pub(crate) fn headers<'i>(
    input: &'i [u8],
    of: impl Fn(&'i [u8]) -> Option<(HeaderName, &'i [u8])>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let lines = input.split(|byte| *byte == b'\n').take(MOST_HEADERS);
    for (name, value) in lines.filter_map(of) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    headers
}

pub(crate) fn shape_of(outcome: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    outcome.hash(&mut hasher);
    hasher.finish()
}

/// A map of headers has a limit.
const MOST_HEADERS: usize = 64;
