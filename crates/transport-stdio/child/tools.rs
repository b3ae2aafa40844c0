//! The tools of the server.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::output::{error, line, notify, text};

/// The tools of the server, and what they remember.
#[derive(Default)]
pub(crate) struct Tools {
    count: AtomicU64,
    cancelled: Arc<Mutex<Vec<Value>>>,
    answers: AtomicU64,
}

impl Tools {
    pub(crate) fn list(&self) -> Value {
        let names = [
            "increment",
            "count",
            "env",
            "pid",
            "wait",
            "exit",
            "big",
            "broken",
        ];
        let tool = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
        names.iter().map(tool).collect()
    }

    pub(crate) fn note_cancelled(&self, id: &Value) {
        self.cancelled
            .lock()
            .expect("not poisoned")
            .push(id.clone());
    }

    pub(crate) fn note_answer(&self, _id: &Value) {
        self.answers.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn call(&self, id: &Value, params: &Value) {
        let args = &params["arguments"];
        match params["name"].as_str().unwrap_or_default() {
            "increment" => text(
                id,
                &(self.count.fetch_add(1, Ordering::SeqCst) + 1).to_string(),
            ),
            "count" => text(id, &self.count.load(Ordering::SeqCst).to_string()),
            "env" => text(id, &variable(args)),
            "env_names" => text(id, &names()),
            "pid" => text(id, &std::process::id().to_string()),
            "cancelled" => {
                let cancelled = self.cancelled.lock().expect("not poisoned").len();
                text(id, &cancelled.to_string());
            }
            "answers" => text(id, &self.answers.load(Ordering::SeqCst).to_string()),
            "wait" => wait(id, args),
            "exit" => {
                // A part of the output is on its way when the child ends.
                text(&json!("stray"), "x");
                std::process::exit(args["code"].as_i64().unwrap_or(0).try_into().unwrap_or(1));
            }
            "answer_and_exit" => {
                text(id, &"x".repeat(200_000));
                std::process::exit(0);
            }
            "big" => {
                let bytes = args["bytes"].as_u64().unwrap_or(0).try_into().unwrap_or(0);
                text(id, &"x".repeat(bytes));
            }
            "endless" => {
                let block = "x".repeat(64 * 1024);
                loop {
                    print!("{block}");
                }
            }
            "broken" => line(&format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"con"
            )),
            "empty" => line(&json!({ "jsonrpc": "2.0", "id": id }).to_string()),
            "twice" => {
                text(id, "once");
                text(id, "twice");
            }
            "progress" => progress(id, params),
            "ask" => {
                line(&json!({ "jsonrpc": "2.0", "id": "own-1", "method": "ping" }).to_string());
                text(id, "asked");
            }
            _ => error(id, -32602),
        }
    }
}

fn variable(args: &Value) -> String {
    let name = args["name"].as_str().unwrap_or_default();
    std::env::var(name).unwrap_or_else(|_| "not set".to_owned())
}

fn names() -> String {
    let mut names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    names.sort();
    names.join(",")
}

/// Answers after a while, beside other calls.
fn wait(id: &Value, args: &Value) {
    let (id, ms) = (id.clone(), args["ms"].as_u64().unwrap_or(0));
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(ms));
        text(&id, "waited");
    });
}

fn progress(id: &Value, params: &Value) {
    let token = &params["_meta"]["progressToken"];
    for step in 1..=3 {
        let params = json!({ "progressToken": token, "progress": step, "total": 3 });
        notify("notifications/progress", &params);
    }
    text(id, "done");
}
