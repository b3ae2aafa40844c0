//! Streams of events byte by byte, as servers write them, and their messages.

/// One stream of events.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EventStream {
    /// The feature that the stream exercises.
    pub name: &'static str,
    /// The bytes of the stream.
    pub bytes: &'static [u8],
    /// The data of the messages, in order. Each stream begins with the event `endpoint`.
    pub messages: &'static [&'static str],
}

/// The endpoint that every stream announces.
pub const ENDPOINT: &str = "/messages?sessionId=1";

macro_rules! streams {
    ($($name:ident: $messages:expr,)*) => {
        &[$(EventStream {
            name: stringify!($name),
            bytes: include_bytes!(concat!("../fixtures/sse/", stringify!($name), ".sse")),
            messages: &$messages,
        }),*]
    };
}

/// The streams.
pub const STREAMS: &[EventStream] = streams! {
    plain: [FIRST],
    comments: [FIRST],
    multi_line_data: ["{\"jsonrpc\":\"2.0\",\n \"id\":1,\n\"result\":{}}"],
    crlf: [FIRST],
    cr: [FIRST],
    bom: [FIRST],
    retry_and_id: [FIRST],
    wide_characters: [r#"{"jsonrpc":"2.0","id":1,"result":{"text":"ä€😀"}}"#],
    unnamed: [FIRST, SECOND],
    other_events: [FIRST],
    unfinished: [FIRST, SECOND],
};

const FIRST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
const SECOND: &str = r#"{"jsonrpc":"2.0","id":2,"result":{}}"#;
