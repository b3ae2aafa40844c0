//! However a stream is cut into pieces, its events are the same.

#![no_main]

use bytes::Bytes;
use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/transport-sse/src/announcement.rs"]
#[allow(dead_code, unreachable_pub, reason = "the target uses a part of it")]
mod announcement;
#[path = "../../crates/transport-sse/src/limits.rs"]
#[allow(dead_code, unreachable_pub, reason = "the target uses a part of it")]
mod limits;
#[path = "../../crates/transport-sse/src/stream/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the target uses a part of it")]
mod stream;

use stream::{Event, Incoming};

/// The events of a stream that comes in pieces of this size.
fn read(stream: &[u8], piece: usize) -> Vec<Event> {
    let pieces: Vec<_> = stream
        .chunks(piece.max(1))
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let mut incoming = Incoming::of(futures::stream::iter(pieces), None);
    let mut events = Vec::new();
    while let Ok(event) = block_on(incoming.next()) {
        events.push(event);
    }
    events
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, stream) = input;
    assert_eq!(read(stream, usize::from(piece)), read(stream, usize::MAX));
});
