//! Lines to the client.

use std::io::Write;

use serde_json::{Value, json};

/// Writes a line at once.
pub(crate) fn line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(format!("{text}\n").as_bytes());
    // Without a client there is nothing left to do.
    if written.and_then(|()| stdout.flush()).is_err() {
        std::process::exit(3);
    }
}

pub(crate) fn result(id: &Value, result: &Value) {
    line(&json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string());
}

pub(crate) fn error(id: &Value, code: i32) {
    let error = json!({ "code": code, "message": "refused" });
    line(&json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string());
}

pub(crate) fn text(id: &Value, text: &str) {
    result(
        id,
        &json!({ "content": [{ "type": "text", "text": text }] }),
    );
}

pub(crate) fn notify(method: &str, params: &Value) {
    line(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
}
