//! Length-prefixed, domain-separated digests keyed by a random secret.
//!
//! Every field goes in behind its own length, so that no two splits of the same bytes collide
//! (`("ab", "c")` is not `("a", "bc")`). The secret never leaves the process, so a fingerprint that
//! shows up in a log cannot be searched for by hashing guesses.

use std::{fmt, str::FromStr, sync::OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A secret of 32 random bytes under which digests are made.
#[derive(Clone)]
pub(crate) struct DigestKey([u8; 32]);

impl DigestKey {
    /// A fresh random key.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key of this process, made on first use. Identities are digested under it, so that an
    /// identity made before its pool still compares equal inside the pool.
    pub(crate) fn of_process() -> &'static Self {
        static KEY: OnceLock<DigestKey> = OnceLock::new();
        KEY.get_or_init(Self::random)
    }

    /// The key of digests that are equal in every process. They are kept, never shown.
    pub(crate) fn portable() -> &'static Self {
        static KEY: DigestKey = DigestKey([0; 32]);
        &KEY
    }

    /// Starts a digest for one purpose; two domains never share a digest.
    pub(crate) fn digest(&self, domain: &str) -> DigestBuilder {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        DigestBuilder(mac).field(domain.as_bytes())
    }
}

/// A digest that takes fields one by one.
pub(crate) struct DigestBuilder(Hmac<Sha256>);

impl DigestBuilder {
    /// Adds one field behind its length.
    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a field that may be absent; an absent one differs from an empty one.
    pub(crate) fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.field(&[1]).field(bytes),
            None => self.field(&[0]),
        }
    }

    /// Finishes the digest.
    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into_bytes().into())
    }
}

/// 32 bytes that stand for the fields they were made from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes as a number: a hash that is already well mixed.
    pub(crate) fn short(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.short().swap_bytes())
    }
}

/// A short name for something that must not be shown: eight bytes of a keyed digest, in hex.
///
/// Fingerprints are made under a random key, so they mean nothing outside of the process (or the
/// pool) that printed them and cannot be searched for by hashing guesses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of a secret under this process's random key, for logs and spans.
    ///
    /// `domain` keeps fingerprints of different kinds of secrets apart.
    #[must_use]
    pub fn of(domain: &str, secret: &[u8]) -> Self {
        DigestKey::of_process()
            .digest(domain)
            .field(secret)
            .finish()
            .fingerprint()
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// The sixteen digits, without the machinery of formatting: spans show them with every call.
    pub(crate) fn hex(self) -> Hex {
        let mut digits = [0; 16];
        for (place, digit) in digits.iter_mut().rev().enumerate() {
            let value = (self.0 >> (4 * place)) & 0xf;
            *digit = b"0123456789abcdef"[value as usize];
        }
        Hex(digits)
    }
}

/// A number as sixteen hexadecimal digits.
pub(crate) struct Hex([u8; 16]);

impl Hex {
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    /// The fingerprint that is shown as this text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = is_hex.then(|| u64::from_str_radix(text, 16).ok());
        number.flatten().map(Self).ok_or("not a fingerprint")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hex().as_str())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_shown_in_sixteen_digits() {
        for number in [0, 1, 0xabc, 0x0123_4567_89ab_cdef, u64::MAX] {
            let fingerprint = Fingerprint(number);
            assert_eq!(fingerprint.to_string(), format!("{number:016x}"));
            assert_eq!(fingerprint.hex().as_str(), fingerprint.to_string());
            assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        }
        for text in [
            "",
            "1",
            "+123456789abcdef",
            "00000000000000000",
            "g000000000000000",
        ] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_two_splits_of_the_same_bytes_collide() {
        let key = DigestKey::random();
        let split = |parts: &[&str]| {
            parts
                .iter()
                .fold(key.digest("test"), |digest, part| {
                    digest.field(part.as_bytes())
                })
                .finish()
        };
        assert!(split(&["ab", "c"]) != split(&["a", "bc"]));
        assert!(split(&["abc"]) != split(&["abc", ""]));
        assert!(split(&["", "abc"]) != split(&["abc", ""]));
    }

    #[test]
    fn an_absent_field_is_not_an_empty_one() {
        let key = DigestKey::random();
        let absent = key.digest("test").optional(None).finish();
        let empty = key.digest("test").optional(Some(b"")).finish();
        assert!(absent != empty);
    }

    #[test]
    fn domains_and_keys_separate_digests() {
        let (one, other) = (DigestKey::random(), DigestKey::random());
        let digest = |key: &DigestKey, domain| key.digest(domain).field(b"same").finish();
        assert!(digest(&one, "a") != digest(&one, "b"));
        assert!(digest(&one, "a") != digest(&other, "a"));
        assert!(digest(&one, "a") == digest(&one, "a"));
    }
}
