#![doc = include_str!("../README.md")]

mod attributes;
mod gauges;
mod histograms;
mod names;
mod observer;
mod trace_context;
mod upstreams;

pub use observer::MetricsObserver;
pub use trace_context::TraceContext;
