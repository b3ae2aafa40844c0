//! Examples of the tests, built and run.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use xshell::{Shell, cmd};

use crate::Result;

/// Builds an example of the tests and returns its path.
pub(crate) fn build_example(sh: &Shell, name: &str) -> Result<String> {
    let built = cmd!(
        sh,
        "cargo build -p mcp-session-pool-tests --example {name} --message-format json"
    );
    let messages = built.quiet().read()?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(str::to_owned))
        .ok_or_else(|| "cargo did not print the path of the example".into())
}

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
