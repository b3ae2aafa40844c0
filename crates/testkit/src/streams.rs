//! Streams of events to the byte, as servers write them, and what is in them.

/// One stream of events.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EventStream {
    /// What is special about it.
    pub name: &'static str,
    /// The bytes.
    pub bytes: &'static [u8],
    /// The data of its messages, in order. Each stream begins with the event `endpoint`.
    pub messages: &'static [&'static str],
}

/// What every stream announces as its endpoint.
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
    unnamed: [FIRST, r#"{"jsonrpc":"2.0","id":2,"result":{}}"#],
    other_events: [FIRST],
    unfinished: [FIRST],
};

const FIRST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
