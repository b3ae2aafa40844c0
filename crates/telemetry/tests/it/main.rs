//! What is documented is what is exported.

mod dashboards;
mod life;
mod metrics;
mod operating;
mod prometheus;
mod spans;
mod table;
