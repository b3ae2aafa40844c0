//! `cargo xtask dependencies`: what the crates need of others, and what a program that depends on them may
//! choose: features, versions, a compiler.

mod versions;

use xshell::{Shell, cmd};

use crate::{
    Result,
    checks::tools::{Tool, with_tools},
    steps::Steps,
};

/// Options of the checks.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Runs only this check.
    #[arg(long)]
    only: Option<Check>,
    /// Goes on where a compiler, a database or a released version is missing, and names it.
    #[arg(long)]
    skip_missing: bool,
}

/// A check.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Check {
    /// Licences, sources and forbidden crates, by `deny.toml`.
    Licences,
    /// Known vulnerabilities, by the database of RustSec.
    Advisories,
    /// Each feature of each crate alone, and pairs of those of the façade that act on each other.
    Features,
    /// The least versions that the manifests allow.
    LeastVersions,
    /// The compiler that `rust-version` names.
    Compiler,
    /// The API beside the last release.
    Api,
}

/// Runs the checks up to the first failure, and prints the time of each.
///
/// # Errors
/// A check failed, or something that it needs is missing.
pub(crate) fn run(sh: &Shell, options: &Options) -> Result {
    let mut steps = Steps::default();
    let result = all(sh, options, &mut steps);
    println!("\n{steps}");
    result
}

fn all(sh: &Shell, options: &Options, steps: &mut Steps) -> Result {
    for (check, name) in CHECKS {
        if options.only.is_some_and(|only| only != check) {
            continue;
        }
        steps.take(name, || match missing(sh, check)? {
            Some(missing) if options.skip_missing => {
                println!("{name}: not checked, {missing}");
                Ok(())
            }
            Some(missing) => Err(missing.into()),
            None => run_one(sh, check),
        })?;
    }
    Ok(())
}

/// What a check needs and is not there.
fn missing(sh: &Shell, check: Check) -> Result<Option<String>> {
    Ok(match check {
        Check::Licences | Check::Features | Check::LeastVersions => None,
        Check::Advisories => {
            let is_there = cmd!(sh, "git ls-remote --exit-code {ADVISORIES} HEAD");
            let is_there = is_there.quiet().ignore_stdout().ignore_stderr().run();
            let missing = || format!("the database cannot be reached: {ADVISORIES}");
            is_there.err().map(|_| missing())
        }
        Check::Compiler => {
            let version = versions::of_compiler(sh)?;
            let installed = cmd!(sh, "cargo +{version} --version");
            let installed = installed.quiet().ignore_stdout().ignore_stderr().run();
            let missing = || format!("run `rustup toolchain install {version} --profile minimal`");
            installed.err().map(|_| missing())
        }
        Check::Api => match versions::last_release(sh)? {
            Some(_) => None,
            None => Some("no version is released: there is no tag `v*`".to_owned()),
        },
    })
}

fn run_one(sh: &Shell, check: Check) -> Result {
    match check {
        Check::Licences => with_tools(sh, &[Tool::Deny], || {
            let parts = ["bans", "licenses", "sources"];
            Ok(cmd!(sh, "cargo deny --all-features check {parts...}").run()?)
        }),
        Check::Advisories => with_tools(sh, &[Tool::Deny], || {
            Ok(cmd!(sh, "cargo deny --all-features check advisories").run()?)
        }),
        Check::Features => with_tools(sh, &[Tool::Hack], || features(sh)),
        Check::LeastVersions => versions::check_least(sh),
        Check::Compiler => {
            let version = versions::of_compiler(sh)?;
            let check = ["check", "--workspace", "--all-features", "--locked"];
            let target = versions::target(sh, "compiler");
            Ok(cmd!(sh, "cargo +{version} {check...} --target-dir {target}").run()?)
        }
        Check::Api => with_tools(sh, &[Tool::SemverChecks], || {
            let tag = versions::last_release(sh)?.ok_or("no version is released")?;
            Ok(cmd!(sh, "cargo semver-checks --workspace --baseline-rev {tag}").run()?)
        }),
    }
}

/// Each feature of each crate that is published, then pairs of those of the façade that act on each other.
fn features(sh: &Shell) -> Result {
    let target = versions::target(sh, "features");
    let each = [
        "--each-feature",
        "--no-dev-deps",
        "--workspace",
        "--ignore-private",
        "--exclude",
        FACADE,
    ];
    cmd!(sh, "cargo hack check {each...} --target-dir {target}").run()?;
    let pairs = ["--feature-powerset", "--depth", "2", "--no-dev-deps"];
    let apart = APART.join(",");
    let pairs = cmd!(
        sh,
        "cargo hack check {pairs...} --package {FACADE} --target-dir {target}"
    );
    Ok(pairs.args(["--exclude-features", &apart]).run()?)
}

const CHECKS: [(Check, &str); 6] = [
    (Check::Licences, "licences"),
    (Check::Advisories, "advisories"),
    (Check::Features, "features"),
    (Check::LeastVersions, "least versions"),
    (Check::Compiler, "compiler"),
    (Check::Api, "api"),
];
const FACADE: &str = "mcp-session-pool";
/// Features of the façade that each add a module or a dependency, and change nothing of the others: a pair
/// with one of them shows nothing that the feature alone does not.
const APART: [&str; 8] = [
    "admin",
    "default",
    "directory",
    "file-config",
    "redis-cluster",
    "redis-sentinel",
    "stdio",
    "telemetry",
];
const ADVISORIES: &str = "https://github.com/rustsec/advisory-db";
