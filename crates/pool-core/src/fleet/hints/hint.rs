//! What replicas tell each other of an upstream.

use crate::{
    extend::ParkedSession,
    types::{Era, TransportKind},
};

/// What a replica knows of an upstream after it has opened a session there. A hint and no more: a wrong
/// one costs the requests that it was to save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamHint {
    pub(crate) transport: TransportKind,
    pub(crate) era: Era,
}

impl UpstreamHint {
    /// The hint as bytes, to be sealed. `None` for an era that this schema has no number for, or a long
    /// name.
    pub(in crate::fleet) fn write(&self) -> Option<ParkedSession> {
        let name = self.transport.as_str().as_bytes();
        let era = match self.era {
            Era::Legacy => LEGACY,
            Era::Stateless => STATELESS,
        };
        if name.is_empty() || name.len() > LONGEST_NAME {
            return None;
        }
        let mut bytes = vec![SCHEMA, era];
        bytes.extend_from_slice(name);
        Some(ParkedSession::from_bytes(bytes))
    }

    /// Reads what [`write`](Self::write) made. `None` for another schema.
    pub(in crate::fleet) fn read(opened: &ParkedSession) -> Option<Self> {
        let (&[SCHEMA, era], name) = opened.as_bytes().split_first_chunk()? else {
            return None;
        };
        let era = match era {
            LEGACY => Era::Legacy,
            STATELESS => Era::Stateless,
            _ => return None,
        };
        let name = str::from_utf8(name).ok()?;
        let is_name = !name.is_empty() && name.len() <= LONGEST_NAME;
        is_name.then(|| Self {
            transport: TransportKind::new(name.to_owned()),
            era,
        })
    }
}

const SCHEMA: u8 = 1;
const LEGACY: u8 = 1;
const STATELESS: u8 = 2;
/// In bytes.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_read_as_it_was_written() {
        for era in [Era::Legacy, Era::Stateless] {
            let hint = UpstreamHint {
                transport: TransportKind::STREAMABLE_HTTP,
                era,
            };
            let written = hint.write().unwrap();
            assert!(written.as_bytes().len() <= 60);
            assert_eq!(UpstreamHint::read(&written), Some(hint));
        }
    }

    #[test]
    fn bytes_that_are_no_hint_are_none() {
        let long = [&[SCHEMA, LEGACY][..], &[b'a'; LONGEST_NAME + 1]].concat();
        let wrong: [&[u8]; 7] = [
            b"",
            b"\x01",
            b"\x01\x01",
            b"\x02\x01sse",
            b"\x01\x03sse",
            b"\x01\x01\xff",
            &long,
        ];
        for bytes in wrong {
            let read = UpstreamHint::read(&ParkedSession::from_bytes(bytes));
            assert_eq!(read, None, "{bytes:?}");
        }
    }

    #[test]
    fn a_transport_with_an_endless_name_leaves_no_hint() {
        let hint = UpstreamHint {
            transport: TransportKind::new("a".repeat(LONGEST_NAME + 1)),
            era: Era::Legacy,
        };
        assert_eq!(hint.write(), None);
    }
}
