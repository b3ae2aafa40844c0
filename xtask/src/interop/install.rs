//! Packages, installed below the target folder and kept there.

use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
};

use xshell::{Shell, cmd};

use super::rows::{Package, Registry};
use crate::{Result, root};

/// A tool that is missing on this machine.
#[derive(Debug)]
pub(super) struct Missing(&'static str);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing", self.0)
    }
}

impl Error for Missing {}

/// Installs a package, unless that was done before.
///
/// # Errors
/// [`Missing`]: a tool is missing on this machine. Others: the installation failed.
pub(super) fn install(sh: &Shell, package: &Package) -> Result {
    for tool in package.registry.tools() {
        if !is_there(sh, tool) {
            return Err(Missing(tool).into());
        }
    }
    let folder = folder(package);
    let done = folder.join("installed");
    if done.exists() {
        return Ok(());
    }
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    let (name, version) = (package.name, package.version);
    eprintln!("== installing {name} {version}");
    match package.registry {
        Registry::Npm => {
            let quiet = ["--no-audit", "--no-fund", "--loglevel", "error"];
            cmd!(
                sh,
                "npm install {quiet...} --prefix {folder} {name}@{version}"
            )
            .run()?;
        }
        Registry::PyPi => {
            cmd!(sh, "python3 -m venv {folder}").run()?;
            let python = folder.join("bin/python");
            let quiet = ["--quiet", "--disable-pip-version-check"];
            cmd!(sh, "{python} -m pip install {quiet...} {name}=={version}").run()?;
        }
    }
    sh.write_file(done, "")?;
    Ok(())
}

/// The program of an installed package, and its first argument.
pub(super) fn command(package: &Package) -> (PathBuf, PathBuf) {
    let folder = folder(package);
    match package.registry {
        Registry::Npm => {
            let modules = folder.join("node_modules").join(package.name);
            (PathBuf::from("node"), modules.join(package.program))
        }
        Registry::PyPi => {
            let script = Path::new(root()).join("xtask/interop");
            (folder.join("bin/python"), script.join(package.program))
        }
    }
}

/// The folder of the servers' logs.
pub(super) fn logs() -> PathBuf {
    home().join("logs")
}

impl Registry {
    fn tools(self) -> &'static [&'static str] {
        match self {
            Self::Npm => &["node", "npm"],
            Self::PyPi => &["python3"],
        }
    }
}

fn is_there(sh: &Shell, tool: &str) -> bool {
    let version = cmd!(sh, "{tool} --version");
    version
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_ok()
}

fn folder(package: &Package) -> PathBuf {
    let name = package.name.rsplit('/').next().unwrap_or(package.name);
    home().join(format!("{name}-{}", package.version))
}

fn home() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| Path::new(root()).join("target"), PathBuf::from);
    target.join("interop")
}
