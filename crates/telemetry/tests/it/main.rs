//! The exported metrics and spans are those of the documentation.

mod dashboards;
mod life;
mod metrics;
mod operating;
mod prometheus;
mod spans;
mod table;
mod two_pools;
