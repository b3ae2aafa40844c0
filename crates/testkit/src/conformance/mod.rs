//! The promises of every implementation of a seam, as suites that any crate can mount.
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
//! A transport without statuses, headers or requests of its own for detection lists the promises that
//! it can keep: `connector_suite!((connector, server), a_promise another_promise)`.
//!
//! [`extractor_suite!`](crate::extractor_suite) is the same for identity extractors, with an
//! [`ExtractorCase`] instead of a server. [`credential_suite!`](crate::credential_suite),
//! [`handler_suite!`](crate::handler_suite), [`observer_suite!`](crate::observer_suite) and
//! [`policy_suite!`](crate::policy_suite) are those of credential sources, handler factories, observers and share
//! policies.
//!
//! The expression creates a connector and a server for it, anew for each test. The crate that
//! mounts the suite needs tokio with `macros` and `rt` among its dev-dependencies.

mod credentials;
mod detection;
mod extractor;
mod faults;
mod handlers;
mod helpers;
mod life;
mod observer;
mod policy;
mod requests;

pub use credentials::*;
pub use detection::*;
pub use extractor::*;
pub use faults::*;
pub use handlers::*;
pub use life::*;
pub use observer::*;
pub use policy::*;
pub use requests::*;

pub use crate::server::Counterpart;

/// Mounts the suite: one test a promise, each with a connector and a server of its own.
#[macro_export]
macro_rules! connector_suite {
    ($make:expr) => {
        $crate::connector_suite!(@each $make;
            a_session_answers_and_reports_its_revision
            a_closed_session_is_closed_on_the_server
            a_connect_that_is_dropped_leaves_no_session
            a_connect_beyond_its_deadline_leaves_no_session
            a_connect_to_a_hanging_server_ends_by_its_deadline
            calls_of_one_session_run_at_the_same_time
            a_refused_connect_reports_the_reason
            an_absent_server_is_unreachable
            a_lost_session_is_distinguished_from_a_lost_call
            a_reply_that_breaks_off_has_an_unknown_outcome
            a_hanging_close_ends_by_its_timeout
            each_request_sends_its_own_credentials
            a_refused_credential_is_renewed_once
            headers_of_one_hop_or_of_the_gateway_are_not_forwarded
            nothing_shows_a_secret
            a_detection_leaves_nothing_open
            a_detection_distinguishes_no_from_a_failure
        );
    };
    ($make:expr, $($promise:ident)+) => {
        $crate::connector_suite!(@each $make; $($promise)+);
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
