//! `cargo xtask bench`: the pool and other pools, measured in one process.
//!
//! Each round measures every row once, in an order that rotates, so that other load of the machine
//! slows all rows alike; the report has the medians. Figures of different runs do not compare,
//! their ratios do. Allocations are counted in another process first: their number does not depend
//! on the machine.

#[cfg(feature = "count-allocations")]
mod allocations;
mod apart;
mod compare;
mod crowd;
mod instructions;
mod line;
mod memory;
mod peers;
mod plots;
mod report;
mod revival;
mod rig;
mod rows;
mod scale;
mod telemetry;
mod tokens;
mod wire;

#[cfg(feature = "count-allocations")]
pub(crate) use allocations::{CountOptions, count};
use std::{
    env,
    ffi::OsString,
    fs,
    path::{PathBuf, absolute},
};

use indicatif::ProgressBar;
use xshell::{Shell, cmd};

use self::{
    apart::{Allocations, Apart},
    compare::Comparison,
    report::Report,
    rig::Rig,
    rows::{Effort, Figures, ROWS, SLOW_ROWS},
    scale::ScaleEffort,
    wire::{OnceEffort, once},
};
pub(crate) use self::{
    plots::plot,
    revival::{ReviveOptions, revive},
    scale::{ScaleOptions, scale},
    wire::{CallOptions, IdleOptions, call, idle},
};
use crate::Result;

/// Options of the measurement and of its output.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Measures just enough to run every row; the figures mean little.
    #[arg(long)]
    quick: bool,
    /// Draws the pictures of docs/performance.md instead, which takes some minutes.
    #[arg(long, conflicts_with_all = ["json", "quick", "save", "compare"])]
    plots: bool,
    /// Writes the JSON object to this file, too.
    #[arg(long)]
    save: Option<PathBuf>,
    /// Shows on stderr what has changed since the run that was saved in this file: ratios, counts and
    /// sizes.
    #[arg(long)]
    compare: Option<PathBuf>,
}

/// Options of the inner command.
#[derive(clap::Args)]
pub(crate) struct Inner {
    #[command(flatten)]
    options: Options,
    /// The counted allocations, as JSON.
    #[arg(long)]
    allocations: String,
}

/// Counts in a release build, and measures in one of the profile `bench`, which cargo makes first.
///
/// A quick run uses this very build, since its figures mean little.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let measuring = ["--profile", "bench"];
    // Another command has this build already, and the number of allocations is the same.
    let counting = ["--release", "--features", "count-allocations"];
    let this = env::current_exe()?;
    let program = |build: &[&str]| match options.quick {
        true => cmd!(sh, "{this}"),
        false => cmd!(sh, "cargo run --package xtask {build...} --"),
    };
    if options.plots {
        return Ok(program(&measuring).arg("bench-plots").run()?);
    }
    let sessions = if options.quick { "200" } else { "10000" };
    let count = program(&counting).arg("bench-count");
    let allocations = count.args(["--sessions", sessions]).read()?;
    let flags = [("--json", options.json), ("--quick", options.quick)];
    let flags = flags
        .iter()
        .filter(|(_, given)| *given)
        .map(|(flag, _)| flag);
    // From where the user stands, as the inner command runs elsewhere.
    let file = |flag: &str, path: &Option<PathBuf>| {
        let path = path.as_ref().map(absolute).transpose()?;
        Result::Ok(path.map(|path| [OsString::from(flag), path.into()]))
    };
    let files = [
        file("--save", &options.save)?,
        file("--compare", &options.compare)?,
    ];
    let inner = program(&measuring).arg("bench-inner").args(flags);
    let inner = inner.args(files.into_iter().flatten().flatten());
    Ok(inner.arg("--allocations").arg(allocations).run()?)
}

/// Measures in this process.
pub(crate) fn measure(inner: &Inner) -> Result {
    let options = &inner.options;
    let effort = if options.quick { QUICK } else { THOROUGH };
    // Before the measurement: a missing file would waste it.
    let earlier = options
        .compare
        .as_ref()
        .map(fs::read_to_string)
        .transpose()?;
    let allocations: Allocations = serde_json::from_str(&inner.allocations)?;
    let once = once(if options.quick {
        QUICK_ONCE
    } else {
        THOROUGH_ONCE
    })?;
    let scale = scale::measure(if options.quick {
        QUICK_SCALE
    } else {
        THOROUGH_SCALE
    })?;
    let revival = revival::measure(if options.quick { 20 } else { 1_000 })?;
    let apart = Apart {
        allocations,
        scale,
        once,
        revival,
    };
    let report = Report::of(&rounds(&Rig::new()?, effort), apart);
    let object = serde_json::to_value(&report)?;
    let text = serde_json::to_string_pretty(&object)?;
    match options.json {
        true => println!("{text}"),
        false => println!("{report}"),
    }
    if let Some(earlier) = earlier {
        eprintln!("{}", Comparison::of(&earlier, &object)?);
    }
    if let Some(file) = &options.save {
        fs::write(file, text)?;
    }
    Ok(())
}

/// Checks the output of `bench --json`: each key has a number, or null where this machine cannot
/// measure it.
pub(crate) fn check_json(printed: &str) -> Result {
    serde_json::from_str::<Report>(printed)?;
    Ok(())
}

fn rounds(rig: &Rig, effort: Effort) -> Vec<Figures> {
    let progress = ProgressBar::new(effort.rounds as u64 + 1);
    // The first opens the sessions and warms the caches.
    round(rig, effort, 0);
    progress.inc(1);
    let measured = progress
        .wrap_iter(0..effort.rounds)
        .map(|number| round(rig, effort, number));
    measured.collect()
}

fn round(rig: &Rig, effort: Effort, number: usize) -> Figures {
    let mut figures = Figures::default();
    let order = ROWS
        .iter()
        .cycle()
        .skip(number % ROWS.len())
        .take(ROWS.len());
    for row in order {
        row(rig, effort, &mut figures);
    }
    // The slow rows would take hours in each of hundreds of rounds.
    if number.is_multiple_of(effort.rounds_of_slow_row) {
        SLOW_ROWS
            .iter()
            .for_each(|row| row(rig, effort, &mut figures));
    }
    figures
}

const THOROUGH: Effort = Effort {
    rounds: 301,
    rounds_of_slow_row: 30,
    operations: 5_000,
    turns: 150,
    calls: 200,
    caller_calls: 20,
    sessions: 64,
};

const QUICK: Effort = Effort {
    rounds: 5,
    rounds_of_slow_row: 1,
    operations: 2_000,
    turns: 100,
    calls: 5,
    caller_calls: 2,
    sessions: 4,
};

const THOROUGH_SCALE: ScaleEffort = ScaleEffort {
    small: 1_000,
    large: 100_000,
    huge: 1_000_000,
    expire_after: [8, 45],
    cache: true,
};

const QUICK_SCALE: ScaleEffort = ScaleEffort {
    small: 10,
    large: 100,
    huge: 1_000,
    expire_after: [2, 2],
    cache: false,
};

const THOROUGH_ONCE: OnceEffort = OnceEffort {
    idle_sessions: 100_000,
    instructions: true,
};

const QUICK_ONCE: OnceEffort = OnceEffort {
    idle_sessions: 200,
    instructions: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_fills_every_figure() {
        let rounds = rounds(&Rig::new().unwrap(), QUICK);
        let report = Report::of(&rounds, Apart::default());
        let json = serde_json::to_string(&report).unwrap();
        check_json(&json).unwrap();
        let figures: serde_json::Value = serde_json::from_str(&json).unwrap();
        for (name, figure) in figures.as_object().unwrap() {
            // In a quick run, either of two figures may be the larger.
            let may_be_zero = name.ends_with("_allocs") || name.contains("_overhead_");
            // Other processes measure these.
            let is_absent = figure.is_null()
                || name.ends_with("_bytes")
                || name.contains("_per_key")
                || name.contains("100k")
                || name.contains("scale_")
                || name.contains("1m_")
                || name.contains("revive_")
                || name.starts_with("idle_cpu")
                || name.starts_with("idle_wakeups")
                || name == "longest_poll_ms";
            assert!(
                may_be_zero || is_absent || figure.as_f64().unwrap() > 0.0,
                "{name}: {figure}"
            );
        }
    }

    #[test]
    fn a_report_without_a_figure_is_refused() {
        check_json("{\"client_acquire_ns\": 1.0}").unwrap_err();
    }
}
