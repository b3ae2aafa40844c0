//! Replicas of a gateway that share their sessions.

mod conversations;
mod cookies;
mod deploys;
mod exclusive;
mod handles;
mod hints;
mod late_steps;
mod outages;
mod revocations;
mod secrets;
mod setup;
