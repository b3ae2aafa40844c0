//! The readers of what comes from servers.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, header};
use mcp_pool_core::{error::Challenge, extend::read_messages};
use mcp_pool_http::{Event, EventParser};
use reqwest::Url;

use super::outcome::{headers, shape_of};

// As the fuzz targets of cargo-fuzz do: the readers are private to their crates.
#[path = "../../../crates/transport-sse/src/announcement.rs"]
#[allow(
    dead_code,
    unnameable_types,
    unreachable_pub,
    reason = "the target uses a part of it"
)]
mod announcement;
#[path = "../../../crates/pool-core/src/error/refusal/retry_after.rs"]
mod retry_after;

/// However a stream is cut into pieces, its events are the same, and their messages can be read.
pub(crate) fn stream(input: &[u8]) -> u64 {
    let (piece, stream) = input
        .split_first()
        .map_or((1, input), |(first, rest)| (*first, rest));
    let events = read(stream, usize::from(piece));
    assert_eq!(events, read(stream, usize::MAX));
    let mut shape = shape_of(&(events.len().min(8), events.first().map(|event| &event.name)));
    for event in &events {
        shape ^= messages(event.data.as_bytes());
    }
    shape
}

fn read(stream: &[u8], piece: usize) -> Vec<Event> {
    let mut parser = EventParser::default();
    let mut events = Vec::new();
    for piece in stream.chunks(piece.max(1)) {
        assert!(parser.feed(piece, usize::MAX).is_ok(), "there is no limit");
        events.extend(std::iter::from_fn(|| parser.next_event()));
    }
    events.extend(parser.finish());
    events
}

/// Whatever is read as messages names its id and its error.
pub(crate) fn messages(input: &[u8]) -> u64 {
    let Some(messages) = read_messages(input) else {
        return 1;
    };
    let kinds: Vec<_> = messages
        .iter()
        .map(|message| (message.id().is_some(), message.error().is_some()))
        .collect();
    assert!(
        std::str::from_utf8(input).is_ok() || kinds.is_empty(),
        "no text is a message"
    );
    shape_of(&kinds)
}

/// Whatever a server announces, messages go to the stream's own origin and without credentials.
pub(crate) fn endpoint(input: &[u8]) -> u64 {
    let announced = String::from_utf8_lossy(input);
    let Ok(stream) = Url::parse("https://example.com/api/sse?key=1") else {
        return 0;
    };
    match announcement::resolve(&stream, &announced) {
        Ok(url) => {
            assert_eq!(url.origin(), stream.origin());
            assert!(url.username().is_empty() && url.password().is_none());
            assert!(url.fragment().is_none());
            shape_of(&(
                announcement::session_id(&url).is_some(),
                url.query().is_some(),
            ))
        }
        Err(error) => shape_of(&error.to_string()),
    }
}

/// A challenge has only what its header has.
pub(crate) fn challenge(input: &[u8]) -> u64 {
    let headers = headers(input, |line| Some((header::WWW_AUTHENTICATE, line)));
    let challenge = Challenge::from_headers(&headers);
    let text = String::from_utf8_lossy(input).into_owned();
    let scopes: Vec<_> = challenge.scopes().collect();
    for scope in &scopes {
        let letters = scope.chars().filter(|letter| text.contains(*letter));
        assert_eq!(
            letters.count(),
            scope.chars().count(),
            "a scope from nowhere"
        );
    }
    let names = ["error", "scope", "resource_metadata", "realm"];
    let known = names.map(|name| challenge.parameter(name).is_some());
    shape_of(&(
        known,
        scopes.len().min(4),
        challenge.is_insufficient_scope(),
    ))
}

/// Digits are seconds, and a wait until a date ends at the date.
pub(crate) fn retry_after(input: &[u8]) -> u64 {
    let mut headers = HeaderMap::new();
    let Ok(value) = HeaderValue::from_bytes(input) else {
        return 0;
    };
    headers.insert(header::RETRY_AFTER, value);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let wait = retry_after::retry_after(&headers, now);
    let later = retry_after::retry_after(&headers, now + Duration::from_secs(1));
    // A space that is not ASCII is no white space of a header (RFC 9110 section 5.6.3).
    let text = input.trim_ascii();
    let is_digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    match (wait, later) {
        (Some(wait), Some(later)) if is_digits => assert_eq!(wait, later),
        (Some(wait), Some(later)) => {
            assert_eq!(wait.saturating_sub(Duration::from_secs(1)), later);
        }
        (wait, later) => assert_eq!((wait, is_digits), (later, false)),
    }
    shape_of(&(
        wait.is_some(),
        is_digits,
        wait.is_some_and(|wait| wait.is_zero()),
    ))
}
