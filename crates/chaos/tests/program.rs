//! The program, started as a client in any language starts it.

use std::process::Stdio;

use reqwest::{Certificate, Client, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A running program.
struct Chaos {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
    control: String,
    http: Client,
}

impl Chaos {
    async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-chaos"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a built program");
        let output = child.stdout.take().expect("a piped output");
        let mut lines = BufReader::new(output).lines();
        let url = lines.next_line().await.expect("text").expect("an address");
        let control = lines.next_line().await.expect("text").expect("an address");
        Self {
            child,
            lines,
            url,
            control,
            http: Client::new(),
        }
    }

    /// Sends a message of a client. Returns the status, the session and the text of the answer.
    async fn send(
        &self,
        session: &str,
        message: &Value,
    ) -> reqwest::Result<(StatusCode, String, String)> {
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-session-id", session)
            .body(message.to_string());
        let answer = request.send().await?;
        let opened = answer.headers().get("mcp-session-id");
        let opened = opened.and_then(|id| id.to_str().ok()).unwrap_or_default();
        let opened = opened.to_owned();
        Ok((answer.status(), opened, answer.text().await?))
    }

    async fn open(&self) -> String {
        let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {} });
        let (status, session, _) = self.send("", &initialize).await.expect("an answer");
        assert_eq!(status, StatusCode::OK);
        session
    }

    async fn call(&self, session: &str, id: &str, owner: &str) -> reqwest::Result<String> {
        let arguments = json!({ "id": id, "owner": owner });
        let params = json!({ "name": "any", "arguments": arguments });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        self.send(session, &call).await.map(|(.., text)| text)
    }

    async fn arm(&self, orders: &'static str) -> StatusCode {
        let request = self.http.post(format!("{}/faults", self.control));
        let answer = request.body(orders).send().await.expect("an answer");
        answer.status()
    }

    async fn get(&self, path: &str) -> String {
        let answer = self
            .http
            .get(format!("{}{path}", self.control))
            .send()
            .await;
        answer.expect("an answer").text().await.expect("a text")
    }

    async fn ledger(&self) -> Value {
        serde_json::from_str(&self.get("/ledger").await).expect("JSON")
    }

    /// Waits for the end of the program. Returns its last line.
    async fn last_line(mut self) -> Value {
        let mut last = String::new();
        while let Some(line) = self.lines.next_line().await.expect("text") {
            last = line;
        }
        assert!(self.child.wait().await.expect("an end").success());
        serde_json::from_str(&last).expect("JSON")
    }
}

#[tokio::test]
async fn faults_come_by_flag_and_by_request_and_the_ledger_has_every_call() {
    let mut chaos = Chaos::start(&["--wire", "json", "--fault", "reply_lost@tools/call#2"]).await;
    let session = chaos.open().await;
    assert!(
        chaos
            .call(&session, "a", "alice")
            .await
            .expect("an answer")
            .contains("\"a\"")
    );
    assert!(chaos.call(&session, "a", "alice").await.is_err());
    assert_eq!(
        chaos.arm("closed_before@tools/call\n").await,
        StatusCode::NO_CONTENT
    );
    assert!(chaos.call(&session, "b", "alice").await.is_err());
    let ledger = chaos.ledger().await;
    assert_eq!(
        ledger["calls"]["a"],
        json!({ "executed": 2, "lost": 1, "crossed": 0 })
    );
    assert_eq!(ledger["calls"].get("b"), None);
    let counts = [
        "executed",
        "lost",
        "doubled",
        "crossed",
        "strikes",
        "open_sessions",
    ];
    assert_eq!(
        counts.map(|name| ledger[name].as_u64()),
        [2, 1, 1, 0, 2, 1].map(Some)
    );
    drop(chaos.child.stdin.take());
    assert_eq!(chaos.last_line().await, ledger);
}

#[tokio::test]
async fn a_session_that_serves_two_owners_is_in_the_ledger() {
    let chaos = Chaos::start(&["--wire", "events"]).await;
    let session = chaos.open().await;
    for (id, owner) in [("a", "alice"), ("b", "bob")] {
        chaos.call(&session, id, owner).await.expect("an answer");
    }
    let ledger = chaos.ledger().await;
    assert_eq!(ledger["crossed"], 1);
    assert_eq!(ledger["calls"]["b"]["crossed"], 1);
}

#[tokio::test]
async fn an_order_that_is_wrong_arms_nothing() {
    let chaos = Chaos::start(&["--wire", "json", "--detached"]).await;
    assert_eq!(
        chaos.arm("garbage@ping\nnonsense@ping").await,
        StatusCode::BAD_REQUEST
    );
    let session = chaos.open().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let (_, _, text) = chaos.send(&session, &ping).await.expect("an answer");
    assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    let examples: Vec<String> = serde_json::from_str(&chaos.get("/faults").await).expect("JSON");
    assert!(examples.iter().any(|example| example == "half_open"));
}

#[tokio::test]
async fn a_disarmed_fault_strikes_nothing() {
    let chaos = Chaos::start(&["--wire", "json", "--fault", "garbage@tools/call:60s"]).await;
    let session = chaos.open().await;
    let spoilt = chaos.call(&session, "a", "alice").await.expect("an answer");
    assert!(serde_json::from_str::<Value>(&spoilt).is_err());
    let request = chaos.http.delete(format!("{}/faults", chaos.control));
    request.send().await.expect("an answer");
    let whole = chaos.call(&session, "b", "alice").await.expect("an answer");
    assert!(serde_json::from_str::<Value>(&whole).is_ok(), "{whole}");
}

#[tokio::test]
async fn a_certificate_that_changes_is_refused_until_it_is_trusted_again() {
    let mut chaos = Chaos::start(&["--wire", "json", "--tls"]).await;
    assert!(chaos.url.starts_with("https://127.0.0.1:"), "{}", chaos.url);
    let authority = Certificate::from_pem(chaos.get("/authority").await.as_bytes()).expect("PEM");
    chaos.http = Client::builder()
        .tls_certs_only([authority])
        .build()
        .expect("a client");
    let session = chaos.open().await;
    assert_eq!(
        chaos.arm("untrusted_certificate=3s@tools/call").await,
        StatusCode::NO_CONTENT
    );
    assert!(chaos.call(&session, "a", "alice").await.is_err());
    assert!(chaos.call(&session, "b", "alice").await.is_err());
    let mut answered = chaos.call(&session, "c", "alice").await;
    while answered.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answered = chaos.call(&session, "c", "alice").await;
    }
    assert_eq!(
        chaos.arm("renewed_certificate@tools/call").await,
        StatusCode::NO_CONTENT
    );
    assert!(chaos.call(&session, "d", "alice").await.is_err());
    chaos
        .call(&session, "e", "alice")
        .await
        .expect("a client that trusts the authority");
    let ledger = chaos.ledger().await;
    let ids: Vec<&String> = ledger["calls"].as_object().expect("calls").keys().collect();
    assert_eq!(ids, ["c", "e"]);
}

#[cfg(unix)]
#[tokio::test]
async fn the_ledger_is_the_last_line_after_a_signal() {
    let chaos = Chaos::start(&["--wire", "events", "--era", "stateless", "--detached"]).await;
    chaos.call("", "a", "alice").await.expect("an answer");
    let id = chaos.child.id().expect("a running program").to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status().await;
    assert!(killed.expect("a program for signals").success());
    assert_eq!(chaos.last_line().await["executed"], 1);
}

#[tokio::test]
async fn a_server_over_sse_answers_on_its_stream() {
    let chaos = Chaos::start(&["--wire", "sse"]).await;
    assert!(chaos.url.ends_with("/sse"), "{}", chaos.url);
    let mut stream = chaos.http.get(&chaos.url).send().await.expect("a stream");
    let first = stream.chunk().await.expect("bytes").expect("an event");
    assert!(first.starts_with(b"event: endpoint\ndata: /messages?sessionId="));
    assert_eq!(chaos.ledger().await["open_sessions"], 1);
}

#[tokio::test]
async fn an_era_that_a_transport_never_had_is_refused() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-chaos"));
    let child = child.args(["--wire", "sse", "--era", "stateless"]);
    let output = child
        .stdin(Stdio::null())
        .output()
        .await
        .expect("a built program");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("HTTP+SSE has sessions"));
}
