//! Programs of other projects, installed below the target folder and kept there.

use std::{env, ffi::OsString, path::PathBuf};

use xshell::{Shell, cmd};

use crate::Result;

/// A program that crates.io has.
#[derive(Clone, Copy)]
pub(crate) enum Tool {
    Deny,
    Hack,
    Mdbook,
    SemverChecks,
}

impl Tool {
    /// The crate and its version.
    fn package(self) -> (&'static str, &'static str) {
        match self {
            Self::Deny => ("cargo-deny", "0.20.2"),
            Self::Hack => ("cargo-hack", "0.6.46"),
            Self::Mdbook => ("mdbook", "0.5.4"),
            Self::SemverChecks => ("cargo-semver-checks", "0.51.0"),
        }
    }
}

/// Runs `work` with these tools in front of those on the path, and installs what is missing.
///
/// # Errors
/// A tool cannot be installed, and those of `work`.
pub(crate) fn with_tools(sh: &Shell, tools: &[Tool], work: impl FnOnce() -> Result) -> Result {
    let root = sh.current_dir().join("target/tools");
    for tool in tools {
        let (name, version) = tool.package();
        // Cargo does nothing where this version is installed already. What else a tool can do by default,
        // such as serving pages, is not needed.
        let install = [
            "install",
            "--locked",
            "--quiet",
            "--no-default-features",
            "--version",
            version,
        ];
        cmd!(sh, "cargo {install...} --root {root} {name}").run()?;
    }
    let _path = sh.push_env("PATH", path(root.join("bin"), env::var_os("PATH"))?);
    work()
}

/// The search path with a folder in front of it.
fn path(folder: PathBuf, path: Option<OsString>) -> Result<OsString> {
    let known = path.unwrap_or_default();
    // An empty one would be the current folder.
    let known = env::split_paths(&known).filter(|folder| !folder.as_os_str().is_empty());
    let folders = std::iter::once(folder).chain(known);
    Ok(env::join_paths(folders)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_tool_is_found_first() {
        let joined = path("/tools/bin".into(), Some("/usr/bin:/bin".into())).unwrap();
        assert_eq!(joined, "/tools/bin:/usr/bin:/bin");
        assert_eq!(path("/tools/bin".into(), None).unwrap(), "/tools/bin");
    }
}
