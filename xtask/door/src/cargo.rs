//! Programs of the workspace, built and run by cargo.

use std::{env, process::Command};

use crate::Result;

/// Runs a package of the workspace with these arguments. Cargo shows the progress of its build.
pub(crate) fn run(package: &str, options: &[&str], arguments: &[String]) -> Result {
    let mut cargo = command();
    cargo.args(["run", "--package", package]).args(options);
    finish(cargo.arg("--").args(arguments))
}

/// Builds a program with the features that the tests have, and runs it. Cargo shows the progress.
///
/// Cargo builds a dependency once for each set of features. With this set, the tests have the dependencies
/// of the program, and the program has those of the tests.
pub(crate) fn run_as_tested(program: &str, arguments: &[String]) -> Result {
    let mut build = command();
    build.args(["build", "--workspace", "--all-features"]);
    // With an example among its targets, a build has the features of the dependencies of tests, too.
    build.args(["--bin", program, "--example", SMALL_EXAMPLE]);
    finish(&mut build)?;
    let built = env::current_exe()?.with_file_name(format!("{program}{}", env::consts::EXE_SUFFIX));
    finish(Command::new(built).args(arguments).current_dir(ROOT))
}

/// Cargo, in the root of the repository.
pub(crate) fn command() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(ROOT);
    command
}

/// Runs a command to its end.
///
/// # Errors
/// The command did not start, or it failed.
pub(crate) fn finish(command: &mut Command) -> Result {
    let name = command.get_program().display().to_string();
    let status = command
        .status()
        .map_err(|error| format!("{name}: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{name} failed: {status}").into()),
    }
}

/// The root of the repository, independent of the current folder.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// It builds in a second once the dependencies are built.
const SMALL_EXAMPLE: &str = "prometheus";
