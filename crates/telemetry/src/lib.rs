#![doc = include_str!("../README.md")]

mod attributes;
mod gauges;
mod histograms;
mod names;
mod observer;
mod row;
mod trace_context;
mod upstreams;
mod uses;

// The public signatures name a type of this crate.
pub use opentelemetry;

pub use observer::MetricsObserver;
pub use trace_context::TraceContext;
