//! Servers and networks as they are: what they do, and what becomes of the calls.

mod affinity;
mod authorization_server;
mod bearer;
mod checks;
mod circuit;
mod client_certificates;
#[path = "../suites/common.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod common;
mod compression;
mod connections;
mod conversations;
mod cookies;
mod credential_seam;
mod extensions;
mod faults;
mod file_credentials;
mod fronts;
mod full_size;
mod gateway;
mod headers;
mod limits;
mod loops;
mod lost_sessions;
mod methods;
mod oauth;
mod oauth_setup;
mod oauth_trust;
mod openings;
mod optional_stream;
#[path = "../suites/over.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod over;
mod proof;
mod proxy;
mod proxy_authorization;
mod proxy_eras;
mod proxy_losses;
mod proxy_skills;
mod proxy_subscriptions;
mod reading;
mod redirects;
mod refused_revisions;
mod remaining_time;
mod replicas;
mod requested_waits;
mod resumption;
mod setup;
mod shell_server;
mod sse_rows;
mod stdio;
#[path = "../../crates/identity-jwt/tests/it/support.rs"]
#[allow(
    clippy::unwrap_used,
    dead_code,
    reason = "these tests use a part of it"
)]
mod tokens;
mod tool_hints;
mod user_agent;
