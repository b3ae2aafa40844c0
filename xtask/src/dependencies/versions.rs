//! Versions of dependencies, of the compiler and of releases.

use std::{fs, path::PathBuf};

use xshell::{Shell, cmd};

use crate::Result;

/// The target folder of a check, since each has other features, versions or another compiler.
pub(super) fn target(sh: &Shell, check: &str) -> PathBuf {
    sh.current_dir().join("target/dependencies").join(check)
}

/// The compiler of `rust-version` in the workspace's manifest.
///
/// # Errors
/// The manifest names none.
pub(super) fn of_compiler(sh: &Shell) -> Result<String> {
    let manifest = sh.read_file(sh.current_dir().join("Cargo.toml"))?;
    let manifest: toml::Table = toml::from_str(&manifest)?;
    let version = manifest["workspace"]["package"]["rust-version"].as_str();
    Ok(version.ok_or("no rust-version")?.to_owned())
}

/// The tag of the last release, if there is one.
pub(super) fn last_release(sh: &Shell) -> Result<Option<String>> {
    let tags = cmd!(sh, "git tag --list v* --sort=-version:refname");
    Ok(tags.quiet().read()?.lines().next().map(str::to_owned))
}

/// Checks the published crates with the least version of each dependency that their manifests allow.
///
/// In a copy, since it replaces `Cargo.lock`. What the dependencies themselves need stays at the newest
/// versions: the bounds of others are not ours to prove.
///
/// # Errors
/// A crate does not compile with them, so that a bound in its manifest is too low.
pub(super) fn check_least(sh: &Shell) -> Result {
    let copy = target(sh, "least");
    for folder in ["crates", "tests", "xtask"] {
        let folder = copy.join(folder);
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    for file in cmd!(sh, "git ls-files").quiet().read()?.lines() {
        let (from, to) = (sh.current_dir().join(file), copy.join(file));
        // A file that was removed and not committed yet.
        if from.is_file() {
            fs::create_dir_all(to.parent().ok_or("a file without a folder")?)?;
            fs::copy(from, to)?;
        }
    }
    let _copy = sh.push_dir(&copy);
    // The option is one of nightly, which the stable compiler has as well.
    let update = ["update", "--quiet", "-Zdirect-minimal-versions"];
    cmd!(sh, "cargo {update...}")
        .env("RUSTC_BOOTSTRAP", "1")
        .run()?;
    let published = fs::read_dir(copy.join("crates"))?
        .map(|crate_| {
            let manifest = sh.read_file(crate_?.path().join("Cargo.toml"))?;
            let manifest: toml::Table = toml::from_str(&manifest)?;
            let name = manifest["package"]["name"].as_str();
            Ok(format!(
                "--package={}",
                name.ok_or("a crate without a name")?
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    let check = ["check", "--all-features", "--locked", "--lib"];
    Ok(cmd!(sh, "cargo {check...} {published...}").run()?)
}
