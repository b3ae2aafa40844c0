//! End-to-end suites, one file a topic.

mod by_hand;
mod caller_isolation;
mod calls;
mod cancellation;
mod capacity;
mod capacity_load;
mod common;
mod credentials;
mod detection;
mod eras;
mod forgeries;
mod handlers;
mod isolation;
mod lifecycle;
mod limits;
mod multiplexing;
mod questions;
mod resize;
mod revocation;
mod seed_scenarios;
mod server_messages;
mod stateless;
mod stats;
mod streams;
mod subscriptions;
mod tasks;
mod tool_lists;
mod transports;
mod typed_calls;
mod unpooled;
mod waiting;

/// Keys and tokens of any shape; the extractor's own tests use them too.
#[path = "../../crates/identity-jwt/tests/it/support.rs"]
#[allow(
    clippy::unwrap_used,
    dead_code,
    reason = "these suites use a part of it"
)]
mod tokens;
