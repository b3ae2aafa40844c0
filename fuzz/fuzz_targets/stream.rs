//! However a stream is cut into pieces, its events and their messages are the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_pool_core::extend::read_messages;
use mcp_pool_http::{Event, EventParser};

/// The events of a stream that comes in pieces of this size.
fn read(stream: &[u8], piece: usize) -> Vec<Event> {
    let mut parser = EventParser::default();
    for piece in stream.chunks(piece.max(1)) {
        parser.feed(piece, usize::MAX).expect("there is no limit");
    }
    let mut events = Vec::new();
    while let Some(event) = parser.next_event() {
        events.push(event);
    }
    events.extend(parser.finish());
    events
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, stream) = input;
    let events = read(stream, usize::from(piece));
    assert_eq!(events, read(stream, usize::MAX));
    for event in events {
        for message in read_messages(event.data.as_bytes()).into_iter().flatten() {
            let _ = (message.id(), message.error());
        }
    }
});
