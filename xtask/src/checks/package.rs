//! What each crate would publish.

use std::fs;

use xshell::{Shell, cmd};

use crate::Result;

/// Checks that each crate publishes its README, the licences and no file of a build.
///
/// # Errors
/// A crate lacks one of them.
pub(crate) fn check(sh: &Shell) -> Result {
    let mut folders: Vec<_> = fs::read_dir(sh.current_dir().join("crates"))?
        .map(|entry| Ok(entry?.path().join("Cargo.toml")))
        .collect::<Result<_>>()?;
    folders.sort();
    for manifest in folders {
        let listed = cmd!(
            sh,
            "cargo package --list --allow-dirty --manifest-path {manifest}"
        );
        let listed = listed.quiet().read()?;
        for file in EXPECTED {
            if !listed.lines().any(|line| line == file) {
                return Err(format!("{}: no {file} in its package", manifest.display()).into());
            }
        }
        eprintln!("{}: {} files", manifest.display(), listed.lines().count());
    }
    Ok(())
}

const EXPECTED: [&str; 5] = [
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "src/lib.rs",
];
