//! `cargo xtask gates`: the instructions of the pool's operations, beside those of the last change.
//!
//! Instructions do not depend on the load of the machine, so that a change of some percent shows in one
//! run. They depend on the compiler: the baseline names its own, and is a gate for that one alone.

mod baseline;
mod report;

use std::path::Path;

use xshell::{Shell, cmd};

use self::{
    baseline::{BAND_PERCENT, Baseline, Verdict},
    report::table,
};
use crate::{Result, programs::side_by_side, repository::root};

/// Options of the gates.
#[derive(Default, clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Makes the counts the baseline, after a change that is meant to cost or to save something.
    #[arg(long)]
    save: bool,
}

/// Counts each row with valgrind, and compares.
///
/// # Errors
/// A row has more instructions than its baseline and the band allow; or there is no valgrind.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let rustc = cmd!(sh, "rustc --version").read()?;
    let build = ["--profile", "bench", "--package", "mcp-pool-gates"];
    cmd!(sh, "cargo build --quiet {build...}").run()?;
    let mut counted = Baseline::of(&rustc);
    // The instructions of one process do not depend on the other ones.
    let counts = side_by_side(sh, ROWS, |sh, row| {
        let [few, many] = TIMES.map(|times| count(sh, row, times));
        Ok((many? - few?) / (TIMES[1] - TIMES[0]) as f64)
    });
    for (row, each) in ROWS.iter().zip(counts) {
        counted.rows.insert((*row).to_owned(), each?.round());
    }
    let path = Path::new(root()).join(BASELINE);
    if options.save {
        sh.write_file(&path, counted.to_json()?)?;
    }
    let baseline = Baseline::from_json(&sh.read_file(&path)?)?;
    let verdict = baseline.judge(&counted);
    match options.json {
        true => println!("{}", counted.to_json()?),
        false => println!("{}", table(&baseline, &counted)),
    }
    match verdict {
        Verdict::Within => Ok(()),
        Verdict::OtherCompiler => {
            println!(
                "the baseline is one of {}: nothing is compared",
                baseline.rustc
            );
            Ok(())
        }
        Verdict::Above(rows) => Err(format!(
            "more instructions than the baseline and {BAND_PERCENT} %: {}; if the change is worth \
             them, run `cargo xtask gates --save`",
            rows.join(", ")
        )
        .into()),
    }
}

/// The instructions of a run that does an operation so many times.
fn count(sh: &Shell, row: &str, times: u64) -> Result<f64> {
    let tool = [
        "--tool=cachegrind",
        "--cache-sim=no",
        "--cachegrind-out-file=/dev/null",
    ];
    let times = times.to_string();
    let counted = cmd!(sh, "valgrind {tool...} {PROGRAM} {row} {times}").quiet();
    let output = counted.ignore_status().output();
    let output = output.map_err(|error| {
        format!("valgrind does not start; install it with `apt-get install valgrind`: {error}")
    })?;
    let text = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => total(&text).ok_or_else(|| format!("valgrind counted nothing: {text}").into()),
        false => Err(format!("{row}: {text}").into()),
    }
}

/// The number of instructions in the summary of cachegrind.
fn total(text: &str) -> Option<f64> {
    let (_, rest) = text
        .split_once("I   refs:")
        .or_else(|| text.split_once("I refs:"))?;
    let number = rest.split_whitespace().next()?;
    number.replace(',', "").parse().ok()
}

/// What is counted.
const ROWS: &[&str] = &[
    "client",
    "client_of_a_replica",
    "request",
    "headers",
    "used",
    "passed_on",
    "deadpool",
    "deadpool_passed_on",
];
/// The difference of both leaves out what a process does once. Multiples of the number of tasks.
const TIMES: [u64; 2] = [6_400, 25_600];
const PROGRAM: &str = "target/release/mcp-pool-gates";
const BASELINE: &str = "xtask/gates/baseline.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_cachegrind_is_read() {
        assert_eq!(total("==7== I   refs:      1,234,567\n"), Some(1_234_567.0));
        assert_eq!(total("==7== I refs:        12\n"), Some(12.0));
        assert_eq!(total("nothing"), None);
    }
}
