//! `cargo xtask conformance`: the protocol's scenarios.
//!
//! A pooled client plays those for clients. With `--server` a gateway plays those for servers.

mod install;
mod report;
mod scenarios;
mod server;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use xshell::{Shell, cmd};

use self::{
    install::{Installed, install},
    report::{Report, Row},
    scenarios::{SUITES, Suite},
};
use crate::Result;

/// Options of the scenarios.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Plays only the scenarios with this text in their name.
    #[arg(long)]
    only: Option<String>,
    /// Plays the scenarios for servers with a gateway: a proxy before a server with the fixtures.
    #[arg(long)]
    server: bool,
    /// Prints a note where npm is missing, instead of failing.
    #[arg(long)]
    skip_missing: bool,
}

/// Plays every scenario that applies. Fails when one does not end as expected.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let installed = match install(sh) {
        Ok(installed) => installed,
        Err(missing) if options.skip_missing => {
            println!("conformance: left out: {missing}");
            return Ok(());
        }
        Err(missing) => return Err(missing),
    };
    if options.server {
        return server::run(sh, &installed, options.only.as_deref().unwrap_or_default());
    }
    let report = play_all(sh, &installed, options)?;
    println!("{report}");
    report.result()
}

fn play_all(sh: &Shell, installed: &Installed, options: &Options) -> Result<Report> {
    let client = build_example(sh, "conformance_client")?;
    let mut report = Report::default();
    for suite in SUITES {
        let listed = suite.scenarios(&installed.list(sh, suite)?);
        report.leave_out(listed.iter().filter(|name| scenarios::needs_oauth(name)));
        let only = options.only.as_deref().unwrap_or_default();
        let wanted: Vec<_> = listed
            .into_iter()
            .filter(|name| !scenarios::needs_oauth(name) && name.contains(only))
            .collect();
        let bar = bar(suite, wanted.len());
        for scenario in wanted {
            bar.set_message(scenario.clone());
            let printed = installed.play(sh, suite, &scenario, &client)?;
            report.add(Row::of(suite, &scenario, &printed), printed);
            bar.inc(1);
        }
        bar.finish_and_clear();
    }
    Ok(report)
}

/// Builds an example of the tests and returns its path.
fn build_example(sh: &Shell, name: &str) -> Result<String> {
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

fn bar(suite: &Suite, scenarios: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {pos}/{len} {msg}");
    let bar = ProgressBar::new(scenarios as u64).with_prefix(suite.name);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
