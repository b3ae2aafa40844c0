//! Tools of this machine.

use std::{env, path::PathBuf};

use crate::Result;

/// The first of these programs that is on this machine.
///
/// # Errors
/// None is. The text names the package that has it.
pub(crate) fn find(programs: &[&str], package: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).collect();
    let named = programs.iter().flat_map(|program| {
        let folders = folders.iter();
        folders.map(move |folder| folder.join(program))
    });
    let found = named.into_iter().find(|program| program.is_file());
    let missing = || format!("{} is missing: apt-get install {package}", programs[0]);
    Ok(found.ok_or_else(missing)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_named_with_its_package() {
        let error = find(&["no-such-program", "nor-this-one"], "a-package").unwrap_err();
        let text = "no-such-program is missing: apt-get install a-package";
        assert_eq!(error.to_string(), text);
    }
}
