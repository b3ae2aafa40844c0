//! Programs of the workspace, built and run by cargo.

use std::process::Command;

use crate::Result;

/// Runs a package of the workspace with these arguments. Cargo shows the progress of its build.
pub(crate) fn run(package: &str, options: &[&str], arguments: &[String]) -> Result {
    let mut cargo = command();
    cargo.args(["run", "--package", package]).args(options);
    finish(cargo.arg("--").args(arguments))
}

/// Cargo, in the root of the repository.
pub(crate) fn command() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
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
