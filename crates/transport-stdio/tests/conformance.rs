//! The conformance suite on this transport: its promises that need no HTTP.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use mcp_pool_core::Endpoint;
use mcp_pool_testkit::{
    LineServer, connector_suite,
    server::{Counterpart, Seen, Switches},
};
use mcp_pool_transport_stdio::{StdioCommand, StdioConnector};

/// A server in the test, which children relay to.
struct Relayed {
    server: LineServer,
}

impl Relayed {
    /// The port of the server, which the relays have as an argument.
    fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// The folders of the processes that relay to the server.
    fn relays(&self) -> Vec<PathBuf> {
        let address = self.address();
        let processes = fs::read_dir("/proc").expect("a list of processes");
        let folders = processes.flatten().map(|process| process.path());
        let relays = folders.filter(|folder| {
            let args = fs::read(folder.join("cmdline")).unwrap_or_default();
            let mut args = args.split(|byte| *byte == 0);
            args.any(|arg| arg == address.as_bytes())
        });
        relays.collect()
    }
}

/// True once the process has closed its pipes: each of its threads has ended, and the first one is
/// gone or waits to be reaped.
fn has_ended(folder: &Path) -> bool {
    let threads = fs::read_dir(folder.join("task"));
    let state = fs::read_to_string(folder.join("stat")).unwrap_or_default();
    let state = state.rsplit(')').next().unwrap_or_default();
    let is_last = threads.is_ok_and(|threads| threads.count() <= 1);
    state.is_empty() || (is_last && state.starts_with(" Z"))
}

impl Counterpart for Relayed {
    fn endpoint(&self) -> Endpoint {
        StdioConnector::endpoint("relay").expect("an endpoint")
    }

    fn switches(&self) -> &Switches {
        self.server.switches()
    }

    fn requests(&self) -> Vec<Seen> {
        self.server.seen()
    }

    fn open_sessions(&self) -> usize {
        self.server.open_sessions()
    }

    /// A session is its child.
    fn forget_sessions(&self) {
        let relays = self.relays();
        self.server.forget_sessions();
        while !relays.iter().all(|relay| has_ended(relay)) {
            sleep(Duration::from_millis(1));
        }
    }

    fn stop(&mut self) {
        self.server.stop();
    }
}

fn pair() -> (StdioConnector, Relayed) {
    let server = Relayed {
        server: LineServer::start(),
    };
    let relay = StdioCommand::new(env!("CARGO_BIN_EXE_mcp-pool-stdio-child"));
    let relay = relay.arg("relay").arg(server.address());
    let connector = StdioConnector::new().with_command("relay", relay);
    (connector.expect("a command"), server)
}

connector_suite!(
    pair(),
    a_session_answers_and_reports_its_revision
    a_closed_session_is_closed_on_the_server
    a_connect_that_is_dropped_leaves_no_session
    a_connect_beyond_its_deadline_leaves_no_session
    a_connect_to_a_hanging_server_ends_by_its_deadline
    calls_of_one_session_run_at_the_same_time
    an_absent_server_is_unreachable
    a_lost_session_is_distinguished_from_a_lost_call
    a_reply_that_breaks_off_has_an_unknown_outcome
    a_hanging_close_ends_by_its_timeout
    a_detection_leaves_nothing_open
);
