//! The options of the command.

use std::time::{SystemTime, UNIX_EPOCH};

/// Which worlds to simulate, and how to report them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The number of seeds.
    #[arg(long, default_value_t = 1_000)]
    pub(super) seeds: u64,
    /// The first seed. Default: 0.
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// Begins at a seed from the clock, which is printed, instead.
    #[arg(long, conflicts_with = "seed")]
    pub(super) fresh: bool,
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

    /// The arguments that give these options.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--seeds={}", self.seeds),
            format!("--seed={}", self.seed),
            format!("--steps={}", self.steps),
        ];
        let only = self.only.iter().map(|step| format!("--only={step}"));
        arguments.extend(only);
        arguments.extend(self.allow.iter().map(|name| format!("--allow={name}")));
        arguments.extend(self.threads.map(|threads| format!("--threads={threads}")));
        let flags = [("--history", self.history), ("--json", self.json)];
        let given = flags.iter().filter(|(_, given)| *given);
        arguments.extend(given.map(|(flag, _)| (*flag).to_owned()));
        arguments
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn a_fresh_run_begins_at_a_seed_that_its_arguments_repeat() {
        let read = |arguments: &[String]| {
            let name = ["simulate".to_owned()];
            Command::parse_from(name.iter().chain(arguments)).options
        };
        let begun = read(&["--fresh".to_owned()]).begun();
        assert!(begun.seed > 1_000_000_000_000);
        assert_eq!(read(&begun.arguments()).begun().seed, begun.seed);
        assert_eq!(read(&["--seed=7".to_owned()]).begun().seed, 7);
    }
}
