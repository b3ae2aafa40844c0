//! What a fault server knows, and how it answers.

#[cfg(feature = "tls")]
use std::sync::Arc;
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

#[cfg(feature = "tls")]
use super::certificates::Certificates;
use super::{
    answer::Answer,
    faults::{Armed, Fault, strike},
    ledger::{CallRecord, Journal},
    sessions::Sessions,
    spoil::{instead, spoilt},
    wire::Wire,
};
use crate::raw::{Accepts, Line, RawRequest, Reply};

/// What a fault server knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) wire: Wire,
    pub(super) is_stateless: bool,
    pub(super) line: Line,
    pub(super) armed: Mutex<Vec<Armed>>,
    pub(super) journal: Mutex<Journal>,
    pub(super) sessions: Mutex<Sessions>,
    pub(super) strikes: AtomicUsize,
    #[cfg(feature = "tls")]
    pub(super) certificates: Option<Arc<Certificates>>,
}

impl State {
    /// The reply to a request.
    pub(super) fn reply(&self, request: &RawRequest) -> Reply {
        let fault = strike(&mut lock(&self.armed), request.method(), Instant::now());
        let Some(fault) = fault else {
            return self.serve(request, None);
        };
        self.strikes.fetch_add(1, Ordering::SeqCst);
        if self.strike_all(&fault) {
            // The connection is cut or silent before it could carry a reply.
            return Reply::hang();
        }
        let reply = instead(&fault).unwrap_or_else(|| self.serve(request, Some(&fault)));
        if let Fault::Stopped(length) = fault {
            self.line.stop_for(length);
        }
        reply
    }

    /// Faults that concern all connections or sessions. Returns whether the request has no reply.
    fn strike_all(&self, fault: &Fault) -> bool {
        match *fault {
            Fault::Refuse(length) => self.cut(Accepts::Never, length),
            Fault::SlowAccept(length) => self.cut(Accepts::Later, length),
            Fault::Restart {
                down,
                keeps_sessions,
            } => {
                if !keeps_sessions {
                    lock(&self.sessions).forget();
                }
                self.cut(Accepts::Never, down);
            }
            Fault::RenewedCertificate => {
                self.renew_certificate();
                self.cut(Accepts::Now, Duration::ZERO);
            }
            Fault::UntrustedCertificate(length) => {
                self.distrust_certificate(length);
                self.cut(Accepts::Now, Duration::ZERO);
            }
            Fault::ExpiredCertificate(length) => {
                self.expire_certificate(length);
                self.cut(Accepts::Now, Duration::ZERO);
            }
            Fault::HalfOpen => {
                lock(&self.sessions).lose_sent();
                self.line.silence_all();
            }
            Fault::SessionsForgotten => {
                lock(&self.sessions).forget();
                return false;
            }
            _ => return false,
        }
        true
    }

    #[cfg(feature = "tls")]
    fn renew_certificate(&self) {
        if let Some(certificates) = &self.certificates {
            certificates.renew();
        }
    }

    #[cfg(not(feature = "tls"))]
    fn renew_certificate(&self) {}

    #[cfg(feature = "tls")]
    fn distrust_certificate(&self, length: Duration) {
        if let Some(certificates) = &self.certificates {
            certificates.distrust_for(length);
        }
    }

    #[cfg(not(feature = "tls"))]
    fn distrust_certificate(&self, _length: Duration) {}

    #[cfg(feature = "tls")]
    fn expire_certificate(&self, length: Duration) {
        if let Some(certificates) = &self.certificates {
            certificates.expire_for(length);
        }
    }

    #[cfg(not(feature = "tls"))]
    fn expire_certificate(&self, _length: Duration) {}

    /// Closes every connection, and takes new ones so for a time.
    fn cut(&self, accepts: Accepts, length: Duration) {
        lock(&self.sessions).lose_sent();
        self.line.set_for(accepts, length);
        self.line.cut_all();
    }

    /// Executes a request, and answers with or without a fault.
    fn serve(&self, request: &RawRequest, fault: Option<&Fault>) -> Reply {
        match request.http_method.as_str() {
            "GET" if self.wire == Wire::Sse => return self.open_stream(),
            "DELETE" if self.wire != Wire::Sse => {
                lock(&self.sessions).end(request.session());
                return Reply::status(204);
            }
            "POST" => {}
            _ => return Reply::status(405),
        }
        if let Some(refusal) = self.refusal(request) {
            return refusal;
        }
        // Also the client's answer to a request of this server.
        let is_request = ["id", "method"].map(|it| request.message.get(it).is_some());
        if is_request != [true, true] {
            return Reply::status(202);
        }
        let answer = self.execute(request, fault);
        match fault {
            Some(fault) => spoilt(fault, &answer),
            None => answer.whole(),
        }
    }

    /// Opens a session over HTTP+SSE.
    fn open_stream(&self) -> Reply {
        let session = lock(&self.sessions).open(false);
        let address = format!("/messages?sessionId={session}");
        Reply::stream(&session, &format!("event: endpoint\ndata: {address}\n\n"))
    }

    /// The refusal of a request that is of the other era or of a session that is unknown.
    fn refusal(&self, request: &RawRequest) -> Option<Reply> {
        let opens = request.method() == "initialize" && self.wire != Wire::Sse;
        match request.method() {
            "server/discover" if !self.is_stateless => {
                return Some(request.error(400, -32601, "Method not found"));
            }
            "initialize" if self.is_stateless => {
                return Some(request.error(400, -32022, "Unsupported protocol version"));
            }
            _ => {}
        }
        if self.is_stateless || opens || lock(&self.sessions).knows(request.session()) {
            return None;
        }
        Some(request.error(404, -32001, "Session not found"))
    }

    fn execute(&self, request: &RawRequest, fault: Option<&Fault>) -> Answer {
        let id = call_id(&request.message);
        if !id.is_empty() {
            let owner = owner(&request.message);
            let is_crossed =
                owner.is_some_and(|it| lock(&self.sessions).is_crossed(request.session(), it));
            let record = CallRecord {
                lost: fault.is_some_and(Fault::loses_the_answer).into(),
                crossed: is_crossed.into(),
                ..CallRecord::EXECUTED
            };
            lock(&self.journal).note(id, record);
        }
        let opens = request.method() == "initialize" && self.wire != Wire::Sse;
        let is_sent = !fault.is_some_and(Fault::hides_the_head);
        let opens = opens.then(|| lock(&self.sessions).open(is_sent));
        let count = (request.tool() == "increment").then(|| {
            lock(&self.sessions)
                .increment(request.session())
                .to_string()
        });
        let text = count.as_deref().unwrap_or(id);
        Answer {
            wire: self.wire,
            stream: request.session().to_owned(),
            opens,
            message: request.result_message(&result(request.method(), text)),
        }
    }
}

/// The id of a call: the argument `id` of a tool, or the end of the URI of a resource.
fn call_id(message: &Value) -> &str {
    let params = &message["params"];
    let uri = params["uri"]
        .as_str()
        .and_then(|uri| uri.strip_prefix("call://"));
    let id = params["arguments"]["id"].as_str().or(uri);
    id.unwrap_or_default()
}

/// The owner that a call names.
fn owner(message: &Value) -> Option<&str> {
    let params = &message["params"];
    let owner = params["arguments"]["owner"].as_str();
    owner.or_else(|| params["_meta"]["owner"].as_str())
}

/// The result of a method. `text` is the answer of a tool or a resource.
fn result(method: &str, text: &str) -> Value {
    match method {
        "initialize" => json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "tools": {}, "resources": {} },
            "serverInfo": { "name": "faults", "version": "1" },
        }),
        "server/discover" => json!({
            "resultType": "complete",
            "supportedVersions": ["2026-07-28"],
            "capabilities": { "tools": {}, "resources": {} },
            "ttlMs": 0,
            "cacheScope": "private",
        }),
        "tools/call" => json!({ "content": [{ "type": "text", "text": text }] }),
        "resources/read" => {
            json!({ "contents": [{ "uri": format!("call://{text}"), "text": text }] })
        }
        "tools/list" => json!({ "tools": [] }),
        _ => json!({}),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
