//! Programs of the workspace, built with the features that the tests have.
//!
//! Cargo builds a dependency once for each set of features, and the tests have built it with these.

mod release;
mod side_by_side;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use xshell::{Shell, cmd};

pub(crate) use self::{release::run_in_release, side_by_side::side_by_side};
use crate::Result;

/// Builds every program and every example, so that each of them is there at once.
pub(crate) fn build_all(sh: &Shell) -> Result {
    Ok(cmd!(sh, "cargo build {WITH_TESTS...} --bins --examples").run()?)
}

/// Builds an example and returns its path.
pub(crate) fn build_example(sh: &Shell, name: &str) -> Result<String> {
    build(sh, name, &["--example", name])
}

/// Builds a program and returns its path.
pub(crate) fn build_program(sh: &Shell, name: &str) -> Result<String> {
    // With an example among its targets, a build has the features of the dependencies of tests, too.
    build(sh, name, &["--bin", name, "--example", SMALL_EXAMPLE])
}

fn build(sh: &Shell, name: &str, targets: &[&str]) -> Result<String> {
    let json = ["--message-format", "json"];
    let built = cmd!(sh, "cargo build {WITH_TESTS...} {targets...} {json...}");
    let messages = built.quiet().read()?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(str::to_owned))
        .ok_or_else(|| "cargo did not print the path of the program".into())
}

const WITH_TESTS: [&str; 2] = ["--workspace", "--all-features"];
/// It builds in a second once the dependencies are built.
const SMALL_EXAMPLE: &str = "prometheus";

/// A gateway with the fixtures of the conformance suite. Dropping it ends it.
pub(crate) struct Gateway {
    process: Child,
    url: String,
}

impl Gateway {
    /// Builds and starts it, before a server of this era: `legacy` or `stateless`.
    pub(crate) fn start(sh: &Shell, era: &str) -> Result<Self> {
        let program = build_example(sh, "conformance_gateway")?;
        let mut gateway = Command::new(program);
        let mut process = gateway.arg(era).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let mut gateway = Self {
            process,
            url: String::new(),
        };
        BufReader::new(output).read_line(&mut gateway.url)?;
        match gateway.url() {
            "" => Err("the gateway printed no address".into()),
            _ => Ok(gateway),
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        self.url.trim()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
