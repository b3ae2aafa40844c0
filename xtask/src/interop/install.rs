//! Packages, installed below the target folder and kept there.

use std::{
    error::Error,
    fmt, fs,
    path::{Path, PathBuf},
};

use xshell::{Shell, cmd};

use super::rows::{EVERYTHING, Package, Program, Registry};
use crate::{Result, root};

/// How the program of an installed package is started.
pub(super) struct Start {
    pub(super) program: PathBuf,
    /// Its first argument, where an interpreter runs the program.
    pub(super) script: Option<PathBuf>,
}

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
    if matches!(package.program, Program::Binary(_)) && !IS_LINUX_ON_X86_64 {
        return Err(Missing("Linux on x86-64").into());
    }
    let folder = folder(package);
    let done = folder.join("installed");
    let beside = package.beside;
    if fs::read_to_string(&done).is_ok_and(|then| then == beside.join("\n")) {
        return bring_script(package);
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
                "npm install {quiet...} --prefix {folder} {name}@{version} {beside...}"
            )
            .run()?;
        }
        Registry::PyPi => {
            cmd!(sh, "python3 -m venv {folder}").run()?;
            let python = folder.join("bin/python");
            let quiet = ["--quiet", "--disable-pip-version-check"];
            cmd!(
                sh,
                "{python} -m pip install {quiet...} {name}=={version} {beside...}"
            )
            .run()?;
        }
    }
    sh.write_file(done, beside.join("\n"))?;
    bring_script(package)
}

/// Copies a script for node into the folder, since node searches packages from where a script is.
fn bring_script(package: &Package) -> Result {
    if let (Registry::Npm, Program::Script(name)) = (package.registry, package.program) {
        fs::copy(scripts().join(name), folder(package).join(name))?;
    }
    Ok(())
}

/// How the program of an installed package is started.
pub(super) fn start(package: &Package) -> Start {
    let folder = folder(package);
    let modules = folder.join("node_modules").join(package.name);
    let (program, script) = match (package.registry, package.program) {
        (Registry::Npm, Program::Binary(path)) => return Start::of_binary(modules.join(path)),
        (Registry::PyPi, Program::Binary(path)) => return Start::of_binary(folder.join(path)),
        (Registry::Npm, Program::File(path)) => ("node".into(), modules.join(path)),
        (Registry::Npm, Program::Script(name)) => ("node".into(), folder.join(name)),
        (Registry::PyPi, Program::File(path)) => (folder.join("bin/python"), path.into()),
        (Registry::PyPi, Program::Script(name)) => {
            (folder.join("bin/python"), scripts().join(name))
        }
    };
    Start {
        program,
        script: Some(script),
    }
}

impl Start {
    fn of_binary(program: PathBuf) -> Self {
        Self {
            program,
            script: None,
        }
    }
}

/// The interpreter of an installed package for Python.
pub(super) fn python(package: &Package) -> PathBuf {
    folder(package).join("bin/python")
}

/// A script of this repository.
pub(super) fn script(name: &str) -> PathBuf {
    scripts().join(name)
}

/// The command of the server over stdio behind bridges, for a shell.
pub(super) fn behind_bridges() -> String {
    let Start { program, script } = start(&EVERYTHING);
    let script = script.unwrap_or_default();
    format!("'{}' '{}' stdio", program.display(), script.display())
}

/// The folder of the servers' logs.
pub(super) fn logs() -> PathBuf {
    home().join("logs")
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

/// The folder of this repository with scripts and settings for servers.
pub(super) fn scripts() -> PathBuf {
    Path::new(root()).join("xtask/interop")
}

fn home() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| Path::new(root()).join("target"), PathBuf::from);
    target.join("interop")
}

/// The variables that keep servers from reporting their use to their makers.
pub(super) const UNREPORTED: [(&str, &str); 2] = [
    ("DO_NOT_TRACK", "1"),
    ("AZURE_MCP_COLLECT_TELEMETRY", "false"),
];
const IS_LINUX_ON_X86_64: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));
