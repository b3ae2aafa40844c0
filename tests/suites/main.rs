//! End-to-end suites, one file per promise.

mod calls;
mod cancellation;
mod common;
mod eras;
mod isolation;
mod lifecycle;
mod limits;
mod multiplexing;
mod seed_scenarios;
mod stateless;
mod streams;
mod waiting;
