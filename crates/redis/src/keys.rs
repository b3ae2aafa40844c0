//! The names of what is stored.

use mcp_pool_core::extend::{FleetMark, SessionRef};

/// The longest that anything is kept.
pub(crate) const LONGEST: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);

/// Reads the digits of a mark.
pub(crate) fn mark(digits: &[u8]) -> Option<FleetMark> {
    bytes(digits).map(FleetMark::from_bytes)
}

/// Reads the digits of a session.
pub(crate) fn session(digits: &[u8]) -> Option<SessionRef> {
    bytes(digits).map(SessionRef::from_bytes)
}

fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let name = SessionRef::random();
        assert_eq!(session(name.to_hex().as_bytes()), Some(name));
        let name = FleetMark::from_bytes([0xc5; 32]);
        assert_eq!(mark(name.to_hex().as_bytes()), Some(name));
        for wrong in ["", "00", "zz".repeat(16).as_str(), "é".repeat(16).as_str()] {
            assert_eq!(session(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
