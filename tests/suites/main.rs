//! End-to-end suites, one file per promise.

mod calls;
mod cancellation;
mod common;
mod detection;
mod eras;
mod isolation;
mod lifecycle;
mod limits;
mod multiplexing;
mod seed_scenarios;
mod streams;
mod transports;
mod waiting;
