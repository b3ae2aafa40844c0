//! `cargo xtask ci`: every check that a change must pass.

use xshell::{Cmd, Shell, cmd};

use crate::{
    Result, bench,
    checks::{demo_output, package},
    conformance, gates, interop, programs, prometheus,
    steps::Steps,
    test::{self, Tally},
    tidy,
};

/// Runs the steps up to the first failure, and prints the time of each.
pub(crate) fn run(sh: &Shell) -> Result {
    let mut steps = Steps::default();
    let result = all(sh, &mut steps);
    println!("\n{steps}");
    let tally = result?;
    println!("{tally}");
    Ok(())
}

fn all(sh: &Shell, steps: &mut Steps) -> Result<Tally> {
    steps.take("format", || Ok(cmd!(sh, "cargo fmt --all --check").run()?))?;
    steps.take("clippy", || {
        let lints = ["--", "-D", "warnings"];
        let clippy = cmd!(
            sh,
            "cargo clippy --workspace --all-targets --all-features {lints...}"
        );
        Ok(clippy.run()?)
    })?;
    steps.take("docs", || {
        let doc = cmd!(sh, "cargo doc --workspace --no-deps --all-features");
        Ok(doc.env("RUSTDOCFLAGS", "-D warnings").run()?)
    })?;
    steps.take("tidy", || tidy::run(sh))?;
    steps.take("packages", || package::check(sh))?;
    let tally = steps.take("test", || test::run(sh, &test::Options::default()))?;
    steps.take("demo", || {
        // Of this profile, since its dependencies are built already.
        let demo = programs::build_program(sh, "mcp-pool-demo")?;
        checked(cmd!(sh, "{demo} --json"), demo_output::check)
    })?;
    steps.take("bench", || {
        let bench = cmd!(sh, "cargo xtask bench --json --quick");
        checked(bench, bench::check_json)
    })?;
    steps.take("gates", || gates::run(sh, &gates::Options::default()))?;
    let fuzz = ["xtask", "fuzz", "--seconds", "300"];
    steps.take("fuzz", || Ok(cmd!(sh, "cargo {fuzz...}").run()?))?;
    let simulate = ["xtask", "simulate", "--fresh", "--seconds", "60"];
    steps.take("simulate", || Ok(cmd!(sh, "cargo {simulate...}").run()?))?;
    steps.take("prometheus", || prometheus::run(sh))?;
    steps.take("conformance", || {
        conformance::run(sh, &conformance::Options::default())
    })?;
    steps.take("conformance of a gateway", || {
        conformance::run(sh, &conformance::Options::of_server())
    })?;
    // No server may be left out here: an untested one is not known to work.
    steps.take("interop", || interop::run(sh, &interop::Options::default()))?;
    steps.take("clients of a gateway", || {
        interop::run(sh, &interop::Options::of_clients())
    })?;
    Ok(tally)
}

/// Runs a command, prints its output and checks it.
fn checked(command: Cmd<'_>, check: fn(&str) -> Result) -> Result {
    let printed = command.read()?;
    println!("{printed}");
    check(&printed)
}
