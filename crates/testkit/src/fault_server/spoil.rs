//! What a fault makes of a request. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::{answer::Answer, faults::Fault, wire::Wire};
use crate::raw::Reply;

/// The reply instead of an execution, of faults that concern one request.
pub(super) fn instead(fault: &Fault) -> Option<Reply> {
    Some(match fault {
        Fault::ClosedBefore => Reply::cut(),
        Fault::ResetBefore => Reply::reset(),
        Fault::Status(status) => Reply::status(*status),
        Fault::Redirect { status, elsewhere } => {
            let to = match elsewhere {
                // No one listens there.
                true => "http://127.0.0.2:9/mcp",
                false => "/moved",
            };
            Reply::status(*status).with_header("location", to)
        }
        _ => return None,
    })
}

/// The reply after an execution.
pub(super) fn spoilt(fault: &Fault, answer: &Answer) -> Reply {
    let whole = answer.message.to_string();
    match fault {
        Fault::Slow(pause) => answer.whole().after(*pause),
        // The standstill begins with the first pause.
        Fault::Stopped(_) => answer.whole().after(Duration::from_millis(1)),
        Fault::Flood(messages) => answer.on_one_stream(&flood(*messages, notification, whole)),
        Fault::RequestFlood(messages) => answer.on_one_stream(&flood(*messages, ping, whole)),
        Fault::StatusAfter(status) => Reply::status(*status),
        Fault::Oversized(bytes) => answer.of(&[oversized(&answer.message, *bytes)]),
        Fault::Garbage => answer.of(&["{\"jsonrpc\": <html>".to_owned()]),
        Fault::WrongId => answer.of(&[with_other_id(&answer.message)]),
        Fault::Duplicate => answer.of(&[whole.clone(), whole]),
        Fault::Stray => answer.of(&[whole, with_other_id(&answer.message)]),
        _ => match answer.wire {
            Wire::Sse => spoilt_on_stream(fault, answer),
            Wire::Events | Wire::Json => spoilt_in_response(fault, answer),
        },
    }
}

/// Faults of a response that carries the answer.
fn spoilt_in_response(fault: &Fault, answer: &Answer) -> Reply {
    let (whole, lengths) = (answer.whole(), answer.lengths());
    let half = lengths.head.midpoint(lengths.whole);
    match fault {
        Fault::Late(pause) => whole.after(*pause),
        Fault::HangAfterHeaders => whole.shortened_to(lengths.head).then_hang(),
        Fault::ClosedInBody => whole.broken_off_after(half),
        Fault::ResetInBody => whole.shortened_to(half).then_reset(),
        Fault::ResetAfterBody => whole.then_reset(),
        Fault::ReplyLost => Reply::cut(),
        Fault::ByteAtATime(between) => whole.byte_by_byte(*between),
        Fault::WrongContentType => answer.responses(&[answer.message.to_string()], "text/html"),
        _ => whole,
    }
}

/// Faults of a stream that carries the answer, after the request was accepted.
fn spoilt_on_stream(fault: &Fault, answer: &Answer) -> Reply {
    let (accepted, stream) = (Reply::status(202), &answer.stream);
    let message = answer.message.to_string();
    let half = || {
        let event = format!("event: message\ndata: {message}");
        event.as_bytes()[..event.len() / 2].to_vec()
    };
    match fault {
        Fault::Late(pause) => accepted.with_late_event(stream, &message, *pause),
        Fault::HangAfterHeaders => accepted,
        Fault::ClosedInBody => accepted
            .with_bytes_on_stream(stream, half())
            .closing_stream(stream),
        Fault::ResetInBody => accepted
            .with_bytes_on_stream(stream, half())
            .resetting_stream(stream),
        Fault::ResetAfterBody => answer.whole().resetting_stream(stream),
        Fault::ReplyLost => accepted.closing_stream(stream),
        Fault::ByteAtATime(between) => accepted.with_slow_event(stream, &message, *between),
        Fault::WrongContentType => {
            let event = format!("event: other\ndata: {message}\n\n");
            accepted.with_bytes_on_stream(stream, event.into_bytes())
        }
        _ => answer.whole(),
    }
}

/// This many messages before the answer.
fn flood(messages: usize, message: fn(usize) -> Value, answer: String) -> Vec<String> {
    let before = (0..messages).map(|number| message(number).to_string());
    before.chain([answer]).collect()
}

fn notification(number: usize) -> Value {
    let params = json!({ "level": "info", "data": number });
    json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": params })
}

fn ping(number: usize) -> Value {
    json!({ "jsonrpc": "2.0", "id": format!("flood-{number}"), "method": "ping" })
}

/// The answer with the id of a request that was never sent.
fn with_other_id(message: &Value) -> String {
    let mut other = message.clone();
    other["id"] = json!("never-sent");
    other.to_string()
}

/// The answer with as many bytes more.
fn oversized(message: &Value, bytes: usize) -> String {
    let mut large = message.clone();
    large["result"]["_meta"] = json!({ "filling": "x".repeat(bytes) });
    large.to_string()
}
