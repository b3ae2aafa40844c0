//! A server over stdio, and what it does wrong.

use std::{
    io::{BufRead, stdin},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    forever,
    output::{error, line, result},
    tools::Tools,
};

/// What the server does wrong, or otherwise than most.
struct Manners<'a>(&'a [String]);

impl Manners<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|arg| arg == name)
    }

    /// The argument after a name.
    fn value(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|arg| arg == name)?;
        self.0.get(at + 1).map(String::as_str)
    }
}

/// Serves until the input ends.
pub(crate) fn run(args: &[String]) {
    let manners = Manners(args);
    begin(&manners);
    let tools = Tools::default();
    for text in stdin().lock().lines() {
        let Ok(text) = text else { break };
        let Ok(message) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        if !manners.has("--silent") {
            answer(&manners, &tools, &message);
        }
    }
    if manners.has("--ignore-eof") {
        forever();
    }
}

fn begin(manners: &Manners<'_>) {
    if manners.has("--show-env") {
        for (name, value) in std::env::vars() {
            eprintln!("{name} is {value}");
        }
    }
    if manners.has("--banner") {
        line("Server 1.0 is starting…");
        line("");
        line("{\"level\":\"info\",\"text\":\"ready\"}");
        line(&format!(
            "key: {}",
            std::env::var("API_TOKEN").unwrap_or_default()
        ));
    }
    if manners.has("--grandchild") {
        let program = std::env::current_exe().expect("a program");
        let child = std::process::Command::new(program).arg("sleep").spawn();
        drop(child.expect("a grandchild"));
    }
    if manners.has("--flood") {
        thread::spawn(|| {
            loop {
                eprintln!("{}", "e".repeat(8_000));
            }
        });
        thread::spawn(|| {
            loop {
                line(&"o".repeat(8_000));
                thread::sleep(Duration::from_micros(100));
            }
        });
    }
    if let Some(code) = manners.value("--exit") {
        std::process::exit(code.parse().expect("a number"));
    }
}

fn answer(manners: &Manners<'_>, tools: &Tools, message: &Value) {
    let (id, params) = (&message["id"], &message["params"]);
    let is_stateless = manners.has("--stateless");
    match message["method"].as_str() {
        Some("initialize") if !is_stateless => {
            if let Some(code) = manners.value("--exit-in-initialize") {
                std::process::exit(code.parse().expect("a number"));
            }
            result(id, &introduction(&params["protocolVersion"]));
        }
        Some("server/discover") if is_stateless => {
            let delay = manners.value("--delay-discovery").unwrap_or("0");
            thread::sleep(Duration::from_millis(delay.parse().expect("a number")));
            let mut answer = introduction(&Value::Null);
            answer["supportedVersions"] = json!(["2026-07-28"]);
            answer["resultType"] = json!("complete");
            answer["ttlMs"] = json!(0);
            answer["cacheScope"] = json!("private");
            result(id, &answer);
        }
        Some("ping") if !is_stateless => result(id, &json!({})),
        Some("tools/list") => result(id, &json!({ "tools": tools.list() })),
        Some("tools/call") => tools.call(id, params),
        Some("notifications/cancelled") => tools.note_cancelled(&params["requestId"]),
        Some(_) if id.is_null() => {}
        Some(_) if manners.has("--exit-on-unknown") => std::process::exit(5),
        Some(_) if manners.has("--ignore-unknown") => {}
        Some(_) => error(id, -32601),
        None => tools.note_answer(id),
    }
}

fn introduction(revision: &Value) -> Value {
    json!({
        "protocolVersion": revision,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "child", "version": "1" },
    })
}
