//! What every connector must do, as a suite that any crate can mount.
//!
//! ```
//! # mod connector_suite_of_a_transport {
//! use mcp_pool_testkit::{connector_suite, server::CounterServer};
//! # use mcp_pool_testkit::fake;
//! # fn my_connector() -> fake::FakeConnector { fake::connector().0 }
//!
//! connector_suite!((my_connector(), CounterServer::start()));
//! # }
//! ```
//!
//! The expression gives a connector and a server that it can speak to, anew for each test. The crate
//! that mounts the suite needs tokio with `macros` and `rt` among its dev-dependencies.

mod detection;
mod faults;
mod life;
mod requests;

pub use detection::*;
pub use faults::*;
pub use life::*;
use mcp_pool_core::{Endpoint, extend::ConnectRequest};
pub use requests::*;

use crate::server::{CounterServer, Seen, Switches};

/// The server that a connector is tried out on.
pub trait Counterpart: Send {
    /// Where it is.
    fn endpoint(&self) -> Endpoint;
    /// What it does on purpose.
    fn switches(&self) -> &Switches;
    /// Every request so far, in order.
    fn requests(&self) -> Vec<Seen>;
    /// How many sessions are open.
    fn open_sessions(&self) -> usize;
    /// Forgets every session.
    fn forget_sessions(&self);
    /// Stops it and cuts every connection.
    fn stop(&mut self);
}

impl Counterpart for CounterServer {
    fn endpoint(&self) -> Endpoint {
        Self::endpoint(self)
    }

    fn switches(&self) -> &Switches {
        Self::switches(self)
    }

    fn requests(&self) -> Vec<Seen> {
        self.seen()
    }

    fn open_sessions(&self) -> usize {
        Self::open_sessions(self).len()
    }

    fn forget_sessions(&self) {
        Self::forget_sessions(self);
    }

    fn stop(&mut self) {
        Self::stop(self);
    }
}

/// Mounts the suite: one test for each promise, each with a connector and a server of its own.
#[macro_export]
macro_rules! connector_suite {
    ($make:expr) => {
        $crate::connector_suite!(@each $make;
            a_session_answers_and_says_what_it_speaks
            a_closed_session_is_closed_on_the_server
            a_connect_that_is_dropped_leaves_no_session
            a_connect_beyond_its_deadline_leaves_no_session
            calls_of_one_session_run_at_the_same_time
            a_refused_connect_says_why
            an_absent_server_is_unreachable
            a_lost_session_is_told_from_a_lost_call
            a_reply_that_breaks_off_has_an_unknown_outcome
            a_hanging_farewell_is_bounded
            each_request_asks_for_its_credentials
            a_refused_credential_is_renewed_once
            what_belongs_to_one_hop_or_to_the_gateway_stays_behind
            nothing_shows_a_secret
            a_detection_leaves_nothing_open
            a_detection_tells_no_from_trouble
        );
    };
    (@each $make:expr; $($promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                let (connector, mut server) = $make;
                $crate::conformance::$promise(&connector, &mut server).await;
            }
        )*
    };
}

/// A request with these headers.
fn request(server: &dyn Counterpart, headers: &[(&str, &str)]) -> ConnectRequest {
    ConnectRequest::detached(&server.endpoint(), header_map(headers))
}

fn header_map(headers: &[(&str, &str)]) -> http::HeaderMap {
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().expect("the name of a header");
        map.append(name, value.parse().expect("the value of a header"));
    }
    map
}

/// Waits until `holds`, for at most ten seconds.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("not within ten seconds: {what}");
}
