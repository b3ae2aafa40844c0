//! The names of keys among replicas.

use std::fmt;

/// Defines names of 32 bytes that are safe to store and to show in part.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name([u8; 32]);

            impl $name {
                /// The name of these bytes.
                #[must_use]
                pub fn from_bytes(bytes: [u8; 32]) -> Self {
                    Self(bytes)
                }

                /// The bytes.
                #[must_use]
                pub fn as_bytes(&self) -> &[u8; 32] {
                    &self.0
                }

                /// All digits of the name, as a store keeps it.
                #[must_use]
                pub fn to_hex(&self) -> String {
                    hex(&self.0)
                }
            }

            impl fmt::Debug for $name {
                /// Shows the first eight bytes, which tell names apart.
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!(stringify!($name), "({})"), hex(&self.0[..8]))
                }
            }
        )*
    };
}

names! {
    /// The name of a pool key among replicas: a digest of all its parts under the secret of the fleet,
    /// so that equal requests have one key on every replica, and a store learns nothing of them.
    FleetKey,
    /// The name of what a revocation selects keys by, such as an identity: a digest under the secret of
    /// the fleet.
    FleetMark,
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_stored_in_full_and_shown_in_part() {
        let key = FleetKey::from_bytes([0xa7; 32]);
        assert_eq!(key.to_hex(), "a7".repeat(32));
        assert_eq!(format!("{key:?}"), "FleetKey(a7a7a7a7a7a7a7a7)");
    }
}
