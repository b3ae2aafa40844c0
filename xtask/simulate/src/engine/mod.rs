//! The simulation in this process.

mod campaign;
mod coverage;
mod fleet;
mod history;
mod numbers;
mod oracle;
mod plan;
mod report;
mod shrink;
mod watch;
mod world;

use tokio::time::Instant;

use self::{
    campaign::{compare, run_all, run_one, shorten},
    report::Report,
};
use super::options::Options;
use crate::Result;

/// Simulates the worlds of the options and prints the results.
///
/// # Errors
/// When a promise was broken, a run differs from its repetition, or a state was not reached.
pub(super) fn run(options: &Options) -> Result {
    if options.history {
        for line in run_one(options, options.seed)?.lines {
            println!("{line}");
        }
    }
    let report = simulate(options)?;
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => report.print(),
    }
    report.check()
}

fn simulate(options: &Options) -> Result<Report> {
    let began = Instant::now();
    let tally = run_all(options)?;
    let mut report = Report::of(&tally, began.elapsed());
    for failure in tally.failures.values() {
        match failure.is_of_fleet {
            true => report.add_fleet_failure(failure),
            false => report.add_failure(options, failure, shorten(options, failure)?),
        }
    }
    // Without the seed of tokio's random numbers, `select!` differs from run to run.
    let compares = !options.allow.iter().any(|name| name == DIFFERENCES);
    if cfg!(tokio_unstable) && compares {
        for difference in compare(options)? {
            report.add_difference(&difference);
        }
    }
    Ok(report)
}

/// The name that accepts seeds whose two runs differ.
const DIFFERENCES: &str = "differences";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_worlds_break_no_promise() {
        let options = Options {
            seeds: Some(50),
            seconds: None,
            first: false,
            seed: 0,
            steps: 200,
            only: Vec::new(),
            allow: Vec::new(),
            threads: Some(2),
            fresh: false,
            history: false,
            json: false,
        };
        let report = simulate(&options).unwrap();
        report.print();
        report.check().unwrap();
    }
}
