//! The conformance suite against a server that is made of public parts alone, as one outside of this
//! workspace is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_pool_core::{Endpoint, config::Lifecycle};
use mcp_pool_testkit::{
    RawRequest, RawServer, Reply, connector_suite,
    server::{Counterpart, Seen, Switches},
};
use mcp_pool_transport_streamable_http::StreamableHttpConnector;
use serde_json::{Value, json};

/// A server that writes HTTP by hand and follows the switches.
struct Own {
    shared: Arc<Shared>,
    server: RawServer,
}

#[derive(Default)]
struct Shared {
    switches: Switches,
    sessions: Mutex<Sessions>,
}

/// The number of calls of each open session.
#[derive(Default)]
struct Sessions {
    open: BTreeMap<String, usize>,
    opened: usize,
}

impl Own {
    fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let serving = Arc::clone(&shared);
        let server = RawServer::start(move |request| serving.reply(request));
        Self { shared, server }
    }
}

impl Shared {
    fn reply(&self, request: &RawRequest) -> Reply {
        let (method, switches) = (request.method(), &self.switches);
        if switches.hangs(method) {
            return Reply::hang();
        }
        if let Some(refusal) = switches.refusal(method, &request.headers) {
            let reply = Reply::status(refusal.status().as_u16());
            return refusal
                .headers()
                .iter()
                .fold(reply, |reply, (name, value)| {
                    reply.with_header(name.as_str(), value.to_str().expect("text"))
                });
        }
        let reply = self.serve(request);
        match switches.loses_reply(method) {
            true => Reply::cut(),
            false => reply,
        }
    }

    fn serve(&self, request: &RawRequest) -> Reply {
        let session = request.session();
        match request.method() {
            "initialize" => {
                let mut sessions = self.sessions();
                sessions.opened += 1;
                let id = format!("own-{}", sessions.opened);
                sessions.open.insert(id.clone(), 0);
                let reply = request.plain_reply(&id);
                reply.after(self.switches.initialize_delay())
            }
            "DELETE" => {
                self.sessions().open.remove(session);
                Reply::status(204)
            }
            "GET" | "server/discover" => request.plain_reply(""),
            _ if !self.sessions().open.contains_key(session) => {
                request.error(404, -32001, "Session not found")
            }
            "tools/call" => request.result(&self.call(session)),
            _ => request.plain_reply(""),
        }
    }

    fn call(&self, session: &str) -> Value {
        let mut sessions = self.sessions();
        let calls = sessions.open.entry(session.to_owned()).or_default();
        *calls += 1;
        json!({ "content": [{ "type": "text", "text": calls.to_string() }] })
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counterpart for Own {
    fn endpoint(&self) -> Endpoint {
        self.server.endpoint(Lifecycle::Legacy)
    }

    fn switches(&self) -> &Switches {
        &self.shared.switches
    }

    fn requests(&self) -> Vec<Seen> {
        let seen = self.server.seen().into_iter().map(|request| {
            let mut seen = Seen::new(request.method());
            let session = request.session();
            seen.session = (!session.is_empty()).then(|| session.to_owned());
            seen.headers = request.headers;
            seen.message = request.message;
            seen
        });
        seen.collect()
    }

    fn open_sessions(&self) -> usize {
        self.shared.sessions().open.len()
    }

    fn forget_sessions(&self) {
        self.shared.sessions().open.clear();
    }

    fn stop(&mut self) {
        self.server.refuse_connections();
    }
}

connector_suite!(
    (StreamableHttpConnector::new().expect("an http client"), Own::start()),
    a_session_answers_and_reports_its_revision
    a_closed_session_is_closed_on_the_server
    a_connect_that_is_dropped_leaves_no_session
    a_connect_to_a_hanging_server_ends_by_its_deadline
    a_refused_connect_reports_the_reason
    an_absent_server_is_unreachable
    a_reply_that_breaks_off_has_an_unknown_outcome
    a_hanging_close_ends_by_its_timeout
    each_request_sends_its_own_credentials
    a_refused_credential_is_renewed_once
);

#[test]
fn a_server_of_its_own_sees_the_switches_that_the_suite_sets() {
    let switches = Switches::default();
    switches.delay_initialize(Duration::from_secs(1));
    switches.hang("ping");
    switches.lose_reply("tools/call");
    assert_eq!(switches.initialize_delay(), Duration::from_secs(1));
    assert!(switches.hangs("ping") && !switches.hangs("GET"));
    assert!(switches.loses_reply("tools/call") && !switches.loses_reply("tools/call"));
}
