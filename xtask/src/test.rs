//! `cargo xtask test`: every test of the workspace.

use std::{
    env, fmt,
    io::{BufRead, BufReader},
    ops::AddAssign,
    process::{Command, Stdio},
    thread,
};

use xshell::Shell;

use crate::{Result, programs, steps::Steps};

/// The arguments for `cargo test`.
#[derive(Default, clap::Args)]
pub(crate) struct Options {
    /// Passed on to `cargo test`: names of tests, or `-- --nocapture`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// The numbers of passed and failed tests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs the tests, then the examples of the docs.
///
/// The model of the pool's core, which tries the interleavings of its state machine, is one of the
/// tests and needs no flags.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result<Tally> {
    let mut steps = Steps::default();
    let mut tally = Tally::default();
    steps.take("programs and examples", || programs::build_all(sh))?;
    let result = SUITES.iter().try_for_each(|(name, flags)| {
        steps.take(name, || cargo_test(sh, flags, &options.args, &mut tally))
    });
    println!("{steps}\n{tally}");
    result.map(|()| tally)
}

/// Runs `cargo test`, prints its output and adds up the results.
fn cargo_test(sh: &Shell, flags: &[&str], args: &[String], tally: &mut Tally) -> Result {
    let flags = ["test", "--workspace", "--all-features"]
        .iter()
        .chain(flags);
    let mut command = Command::new("cargo");
    command.args(flags).args(args).current_dir(sh.current_dir());
    if env::var_os(THREADS).is_none() {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        command.env(THREADS, (cores * AT_ONCE_ON_A_CORE).to_string());
    }
    eprintln!("$ {}", printed(&command));
    let mut cargo = command.stdout(Stdio::piped()).spawn()?;
    for line in BufReader::new(cargo.stdout.take().expect("it is piped")).lines() {
        let line = line?;
        println!("{line}");
        *tally += counted(&line);
    }
    let status = cargo.wait()?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| status.to_string().into())
}

fn printed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The counts in the last line of a test binary; zero for any other line.
fn counted(line: &str) -> Tally {
    let Some((_, counts)) = line
        .strip_prefix("test result: ")
        .and_then(|l| l.split_once(". "))
    else {
        return Tally::default();
    };
    let count = |what| {
        let mut counts = counts.split("; ");
        counts
            .find_map(|count| count.strip_suffix(what)?.parse().ok())
            .unwrap_or(0)
    };
    Tally {
        passed: count(" passed"),
        failed: count(" failed"),
    }
}

/// How many tests of a binary run at once.
const THREADS: &str = "RUST_TEST_THREADS";
/// Most tests wait for sockets, servers and pauses most of the time.
const AT_ONCE_ON_A_CORE: usize = 3;

const SUITES: [(&str, &[&str]); 2] = [
    ("tests", &["--tests"]),
    ("examples of the docs", &["--doc"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up_over_all_binaries() {
        let output = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
            7 passed\n\
            test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out\n";
        let mut tally = Tally::default();
        for line in output.lines() {
            tally += counted(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 13,
                failed: 2
            }
        );
        assert_eq!(tally.to_string(), "13 passed, 2 failed");
    }
}
