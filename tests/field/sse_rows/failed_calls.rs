//! Calls that fail on a session which the server knows.

use mcp_pool_testkit::{RawRequest, Reply};
use mcp_session_pool::{PoolConfig, error::Outcome};

use super::{UNKNOWN, server, words};
use crate::setup::{Refuse, call, client, close, pool};

/// What becomes of a call, and of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    /// It is used again without a check.
    Kept,
    /// It is used again after a check.
    Checked,
    /// The next call has another one.
    Closed,
}

/// The name of a case, what the server does with the call, and what comes of it.
type Row = (&'static str, Refuse, Outcome, &'static str, Session);

const NOT_EXECUTED: Outcome = Outcome::NotExecuted;

/// Text of a server's own on the stream.
fn raw_event(request: &RawRequest, text: &str) -> Reply {
    let id = request.message["id"].to_string();
    let text = text.replace("ID", &id);
    Reply::status(202).with_raw_event(request.session(), &text)
}

/// The rows in which a call fails, on a session that the server knows.
const ROWS: [Row; 33] = [
    (
        "an error on the stream",
        |request| {
            let error = request.error_message(-32601, "Method not found");
            Reply::status(202).with_event(request.session(), &error)
        },
        Outcome::Answered,
        "-32601",
        Session::Kept,
    ),
    (
        "an error in the response",
        |request| request.error(200, -32601, "x"),
        Outcome::Answered,
        "-32601",
        Session::Kept,
    ),
    (
        "an error with 400",
        |request| request.error(400, -32601, "x"),
        Outcome::Answered,
        "-32601",
        Session::Kept,
    ),
    (
        "an error with 404",
        |request| request.error(404, -32601, "x"),
        Outcome::Answered,
        "-32601",
        Session::Kept,
    ),
    (
        "an error with 429",
        |request| request.error(429, -32601, "x"),
        Outcome::Answered,
        "-32601",
        Session::Kept,
    ),
    (
        "an error with 500",
        |request| request.error(500, -32601, "x"),
        Outcome::Answered,
        "-32601",
        Session::Kept,
    ),
    (
        "400",
        |_| Reply::status(400),
        UNKNOWN,
        "protocol",
        Session::Checked,
    ),
    (
        "404",
        |_| Reply::status(404),
        UNKNOWN,
        "not_found",
        Session::Checked,
    ),
    (
        "405",
        |_| Reply::status(405),
        UNKNOWN,
        "protocol",
        Session::Checked,
    ),
    (
        "410",
        |_| Reply::status(410),
        UNKNOWN,
        "protocol",
        Session::Checked,
    ),
    (
        "400 with words",
        |_| words(400, "no valid session"),
        UNKNOWN,
        "protocol",
        Session::Checked,
    ),
    (
        "401 with words",
        |_| words(401, "Session not found"),
        UNKNOWN,
        "unauthorized",
        Session::Checked,
    ),
    (
        "401 with a challenge",
        |_| Reply::status(401).with_header("www-authenticate", "Bearer"),
        NOT_EXECUTED,
        "unauthorized",
        Session::Checked,
    ),
    (
        "401",
        |_| Reply::status(401),
        UNKNOWN,
        "unauthorized",
        Session::Checked,
    ),
    (
        "403 for its scope",
        |_| {
            Reply::status(403)
                .with_header("www-authenticate", "Bearer error=\"insufficient_scope\"")
        },
        NOT_EXECUTED,
        "forbidden",
        Session::Kept,
    ),
    (
        "403",
        |_| Reply::status(403),
        UNKNOWN,
        "forbidden",
        Session::Checked,
    ),
    (
        "407",
        |_| Reply::status(407),
        NOT_EXECUTED,
        "protocol",
        Session::Kept,
    ),
    (
        "411",
        |_| Reply::status(411),
        NOT_EXECUTED,
        "protocol",
        Session::Kept,
    ),
    (
        "414",
        |_| Reply::status(414),
        NOT_EXECUTED,
        "protocol",
        Session::Kept,
    ),
    (
        "421",
        |_| Reply::status(421),
        NOT_EXECUTED,
        "protocol",
        Session::Kept,
    ),
    (
        "431",
        |_| Reply::status(431),
        NOT_EXECUTED,
        "protocol",
        Session::Kept,
    ),
    (
        "307 elsewhere",
        |_| Reply::status(307).with_header("location", "http://127.0.0.1:1/"),
        NOT_EXECUTED,
        "redirected",
        Session::Kept,
    ),
    (
        "303",
        |_| Reply::status(303).with_header("location", "/done"),
        UNKNOWN,
        "redirected",
        Session::Kept,
    ),
    (
        "429",
        |_| Reply::status(429),
        UNKNOWN,
        "rate_limited",
        Session::Kept,
    ),
    (
        "409",
        |_| Reply::status(409),
        UNKNOWN,
        "protocol",
        Session::Checked,
    ),
    (
        "500",
        |_| Reply::status(500),
        UNKNOWN,
        "server_error",
        Session::Checked,
    ),
    (
        "503",
        |_| Reply::status(503),
        UNKNOWN,
        "server_error",
        Session::Checked,
    ),
    (
        "closed",
        |_| Reply::cut(),
        UNKNOWN,
        "unreachable",
        Session::Checked,
    ),
    (
        "reset",
        |_| Reply::reset(),
        UNKNOWN,
        "unreachable",
        Session::Checked,
    ),
    (
        "half a head",
        |_| Reply::status(202).broken_off_after(9),
        UNKNOWN,
        "unreachable",
        Session::Checked,
    ),
    (
        "half an answer",
        |request| raw_event(request, r#"{"jsonrpc":"2.0","id":ID,"result":{"#),
        UNKNOWN,
        "protocol",
        Session::Kept,
    ),
    (
        "the end of the stream",
        |request| Reply::status(202).closing_stream(request.session()),
        UNKNOWN,
        "session_gone",
        Session::Closed,
    ),
    (
        "a reset of the stream",
        |request| Reply::status(202).resetting_stream(request.session()),
        UNKNOWN,
        "unreachable",
        Session::Closed,
    ),
];

#[tokio::test]
async fn each_failed_call_ends_and_leaves_its_session_as_the_guide_states() {
    let mut wrong = Vec::new();
    for (name, broken, outcome, label, session) in ROWS {
        let server = server(broken);
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.sse_endpoint(), "alice").await;
        call(&alice, "count").await.expect(name);
        let error = call(&alice, "broken").await.expect_err(name);
        let next = call(&alice, "count").await;
        let found = match (server.count("GET"), server.count("ping")) {
            (1, 0) => Session::Kept,
            (1, _) => Session::Checked,
            _ => Session::Closed,
        };
        let is_right = (error.outcome(), &*error.label()) == (outcome, label);
        let calls = server.seen().into_iter();
        let calls = calls.filter(|seen| seen.tool() == "broken").count();
        if !is_right || found != session || calls != 1 || next.is_err() {
            wrong.push((name, error, found, calls, next));
        }
        close(&pool).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
