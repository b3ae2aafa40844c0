//! The options of the command.

use std::time::{SystemTime, UNIX_EPOCH};

/// Which worlds to simulate, and how to report them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The number of seeds. Default: 1,000; without a bound under `--seconds`.
    #[arg(long)]
    pub(super) seeds: Option<u64>,
    /// Begins no further seed after so many seconds.
    #[arg(long)]
    pub(super) seconds: Option<u64>,
    /// The first seed. Default: 0.
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// Begins at a seed from the clock, which is printed, instead.
    #[arg(long, conflicts_with = "seed")]
    pub(super) fresh: bool,
    /// Ends at the first violation.
    #[arg(long)]
    pub(super) first: bool,
    /// The steps of each world.
    #[arg(long, default_value_t = 200)]
    pub(super) steps: u32,
    /// Runs only the steps of these numbers.
    #[arg(long, value_delimiter = ',')]
    pub(super) only: Vec<u32>,
    /// Accepts violations of these names, each of which is known and described.
    #[arg(long)]
    pub(super) allow: Vec<String>,
    /// The threads, each with a world of its own. Default: one for each core.
    #[arg(long)]
    pub(super) threads: Option<usize>,
    /// Prints the history of the first seed.
    #[arg(long)]
    pub(super) history: bool,
    /// Prints one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

impl Options {
    /// These options with a first seed that no earlier run had, where one is wanted.
    pub(super) fn begun(&self) -> Self {
        if !self.fresh {
            return self.clone();
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seed = now.map_or(0, |since| since.as_millis() as u64);
        eprintln!("the first seed is {seed}; again with --seed {seed}");
        Self {
            seed,
            fresh: false,
            ..self.clone()
        }
    }

    /// The first seed that is not to run.
    pub(super) fn end(&self) -> u64 {
        let bound = self.seconds.map_or(SEEDS, |_| u64::MAX);
        self.seed.saturating_add(self.seeds.unwrap_or(bound))
    }
}

/// The seeds of a run without bounds.
const SEEDS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn read(arguments: &[&str]) -> Options {
        let name = ["simulate"].iter();
        Command::parse_from(name.chain(arguments)).options
    }

    #[test]
    fn a_fresh_run_begins_at_a_seed_of_its_own() {
        assert!(read(&["--fresh"]).begun().seed > 1_000_000_000_000);
        assert_eq!(read(&["--seed=7"]).begun().seed, 7);
    }

    #[test]
    fn a_run_for_a_time_has_no_bound_of_seeds_but_its_own() {
        assert_eq!(read(&["--seed=7"]).end(), 1_007);
        assert_eq!(read(&["--seed=7", "--seconds=9"]).end(), u64::MAX);
        assert_eq!(read(&["--seconds=9", "--seeds=5"]).end(), 5);
    }
}
