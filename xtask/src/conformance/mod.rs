//! `cargo xtask conformance`: the protocol's scenarios.
//!
//! A pooled client plays those for clients. With `--server` a gateway plays those for servers.

mod install;
mod report;
mod scenarios;
mod server;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use xshell::Shell;

use self::{
    install::{Installed, install},
    report::{Report, Row},
    scenarios::{SUITES, Suite},
};
use crate::{
    Result,
    programs::{build_example, side_by_side},
};

/// Options of the scenarios.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Plays only the scenarios with this text in their name.
    #[arg(long)]
    only: Option<String>,
    /// Plays the scenarios for servers with a gateway: a proxy before a server with the fixtures.
    #[arg(long)]
    server: bool,
    /// Prints the outcome as JSON: what was listed, played, failed, and expected to fail.
    #[arg(long)]
    json: bool,
    /// Prints a note where npm is missing, instead of failing.
    #[arg(long)]
    skip_missing: bool,
}

impl Options {
    /// Plays the scenarios for servers.
    pub(crate) fn of_server() -> Self {
        Self {
            server: true,
            ..Self::default()
        }
    }
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
    match options.json {
        true => println!("{}", report.json()),
        false => println!("{report}"),
    }
    report.result()
}

fn play_all(sh: &Shell, installed: &Installed, options: &Options) -> Result<Report> {
    let client = build_example(sh, "conformance_client")?;
    let mut report = Report::default();
    for suite in SUITES {
        let listed = suite.scenarios(&installed.list(sh, suite)?);
        report.note_listed(listed.len());
        let only = options.only.as_deref().unwrap_or_default();
        let wanted: Vec<_> = listed
            .into_iter()
            .filter(|name| name.contains(only))
            .collect();
        let bar = bar(suite, wanted.len());
        let played = side_by_side(sh, &wanted, |sh, scenario| {
            let printed = installed.play(sh, suite, scenario, &client)?;
            bar.inc(1);
            Ok(printed)
        });
        for (scenario, printed) in wanted.iter().zip(played) {
            let printed = printed?;
            report.add(Row::of(suite, scenario, &printed), printed);
        }
        bar.finish_and_clear();
    }
    Ok(report)
}

fn bar(suite: &Suite, scenarios: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {pos}/{len}");
    let bar = ProgressBar::new(scenarios as u64).with_prefix(suite.name);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
