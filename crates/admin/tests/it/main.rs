//! The router: what it answers, and what it refuses.

mod actions;
mod figures;
mod page;
mod refusals;
mod setup;
