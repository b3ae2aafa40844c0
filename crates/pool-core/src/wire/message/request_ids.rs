//! The ids of a session's requests.

use std::{
    fmt::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rmcp::model::{ProgressToken, RequestId};

/// The ids of one incarnation of a session: 96 random bits and a count.
///
/// No other session has an equal id, of this process or of another one, so that neither a bridge
/// that broadcasts answers nor a session that is used from two processes mixes them up. The
/// progress token of a request is its id.
pub struct RequestIds {
    prefix: [u8; PREFIX],
    next: AtomicU64,
}

impl RequestIds {
    /// Draws a prefix and counts from zero.
    #[must_use]
    pub fn random() -> Self {
        let bits: [u8; PREFIX / 2] = rand::random();
        let mut prefix = [0; PREFIX];
        for (digits, byte) in prefix.chunks_exact_mut(2).zip(bits) {
            digits[0] = HEX[usize::from(byte >> 4)];
            digits[1] = HEX[usize::from(byte & 15)];
        }
        Self {
            prefix,
            next: AtomicU64::new(0),
        }
    }

    /// The id of the next request.
    #[must_use]
    pub fn next(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = IdText {
            bytes: [0; LONGEST],
            len: PREFIX,
        };
        text.bytes[..PREFIX].copy_from_slice(&self.prefix);
        // `IdText` has room for every number.
        let _ = write!(text, "-{number}");
        RequestId::String(Arc::from(text.as_str()))
    }

    /// True where an id has the form of those of a pool: 24 digits of a session, and a count. It may be
    /// that of a request that was given up, or of another client behind the same bridge.
    #[must_use]
    pub fn is_of_pool(id: &RequestId) -> bool {
        let RequestId::String(text) = id else {
            return false;
        };
        let Some((session, count)) = text.split_once('-') else {
            return false;
        };
        let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let is_hex = session.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_count && session.len() == PREFIX && is_hex
    }
}

/// The progress token of the request with this id.
pub(crate) fn progress_token(id: &RequestId) -> ProgressToken {
    ProgressToken(id.clone())
}

impl fmt::Debug for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestIds")
    }
}

/// The text of an id on the stack, so that an id costs one allocation.
struct IdText {
    bytes: [u8; LONGEST],
    len: usize,
}

impl IdText {
    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for IdText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.len + part.len();
        let free = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        free.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Two hexadecimal digits for each of 12 bytes.
const PREFIX: usize = 24;
/// The prefix, a hyphen and the 20 digits of the largest number.
const LONGEST: usize = PREFIX + 21;
const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_sessions_share_an_id_and_no_session_uses_one_twice() {
        let mut seen = HashSet::new();
        for _ in 0..100 {
            let ids = RequestIds::random();
            for _ in 0..100 {
                assert!(seen.insert(ids.next()));
            }
        }
    }

    #[test]
    fn an_id_is_a_random_prefix_and_a_count() {
        let ids = RequestIds::random();
        let (first, second) = (ids.next().to_string(), ids.next().to_string());
        let (prefix, number) = first.split_once('-').expect("a hyphen");
        assert_eq!((prefix.len(), number), (PREFIX, "0"));
        assert_eq!(second, format!("{prefix}-1"));
    }

    #[test]
    fn the_largest_number_fits() {
        let ids = RequestIds::random();
        ids.next.store(u64::MAX, Ordering::Relaxed);
        assert!(ids.next().to_string().ends_with("-18446744073709551615"));
    }

    #[test]
    fn the_ids_of_a_pool_are_known_by_their_form() {
        assert!(RequestIds::is_of_pool(&RequestIds::random().next()));
        for other in [
            "",
            "-",
            "a-1",
            "0123456789abcdef01234567",
            "user-0123456789abcdef0123",
        ] {
            let id = RequestId::String(other.into());
            assert!(!RequestIds::is_of_pool(&id), "{other}");
        }
        assert!(!RequestIds::is_of_pool(&RequestId::Number(7)));
    }
}
