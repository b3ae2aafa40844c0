//! End-to-end suites, one file a topic.

mod busy_runtime;
mod by_hand;
mod caller_isolation;
mod calls;
mod cancellation;
mod capacity;
mod capacity_load;
mod close_time;
mod closures;
mod common;
mod credentials;
mod detection;
mod durations;
mod ended_runtimes;
mod endpoint_settings;
mod eras;
mod fairness;
mod first_call;
mod forgeries;
mod handlers;
mod held_leases;
mod idle_sessions;
mod idle_upkeep;
mod isolation;
mod kept_answers;
mod key_details;
mod known_identities;
mod late_handshakes;
mod lease_events;
mod liberal_reading;
mod lifecycle;
mod limits;
mod log_level;
mod moved_log_levels;
mod moved_subscriptions;
mod moving_server;
mod multiplexing;
mod on_demand;
mod over;
mod overload;
mod progress_order;
mod questions;
mod quota_errors;
mod quotas;
mod raw_values;
mod refused_sessions;
mod resize;
mod revocation;
mod seed_scenarios;
mod server_floods;
mod server_messages;
mod server_order;
mod session_checks;
mod slices;
mod stateless;
mod stats;
mod streams;
mod subscribed_resources;
mod subscriptions;
mod task_counts;
mod tasks;
mod tool_lists;
mod transports;
mod typed_calls;
mod unpooled;
mod waiting;
mod wire_ids;

/// Keys and tokens of any shape; the extractor's own tests use them too.
#[path = "../../crates/identity-jwt/tests/it/support.rs"]
#[allow(
    clippy::unwrap_used,
    dead_code,
    reason = "these suites use a part of it"
)]
mod tokens;
