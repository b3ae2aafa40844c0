#![doc = include_str!("../README.md")]

mod control;
mod ending;
mod ledger;
mod options;
mod run;

pub use options::Options;
pub use run::{ChaosError, run};
