//! The modules of a crate, and the imports between its files.
//!
//! Resolved are `use` trees (groups, renames, globs), inline paths, paths inside macro calls and
//! re-exports. Not resolved are methods (`value.method()`), paths inside of attributes and
//! strings, and modules with a `#[path]`. Code for tests is left out.

mod imports;
mod mention;
mod mentions;
mod modules;
mod scope;
mod tokens;
mod uses;

use std::collections::BTreeMap;

pub(super) use self::{
    imports::Import,
    modules::{Modules, Target},
    scope::Space,
};
use super::source::Code;

/// A crate as the rules on its structure see it.
pub(super) struct Package<'c> {
    /// The folder of the crate, such as `crates/pool-core`.
    pub(super) root: &'c str,
    /// Every file below `src`, test files included.
    pub(super) files: Vec<&'c Code<'c>>,
    pub(super) modules: Modules<'c>,
    pub(super) imports: Vec<Import<'c>>,
}

impl<'c> Package<'c> {
    /// Reads the crate in a folder; `None` without a `lib.rs` or `main.rs`.
    pub(super) fn read(root: &'c str, codes: &'c BTreeMap<&str, Code<'c>>) -> Option<Self> {
        let source = format!("{root}/src/");
        let modules = Modules::read(&source, codes)?;
        let imports = imports::imports(&modules);
        let files = codes.values().filter(|code| code.path.starts_with(&source));
        Some(Self {
            root,
            files: files.collect(),
            modules,
            imports,
        })
    }

    /// The path of a file relative to `src`.
    pub(super) fn short<'p>(&self, file: &'p str) -> &'p str {
        let inner = file.strip_prefix(self.root);
        inner
            .and_then(|inner| inner.strip_prefix("/src/"))
            .unwrap_or(file)
    }
}

/// Calls a rule with a crate `crates/a` of these files.
///
/// Their paths are relative to `src`.
#[cfg(test)]
pub(super) fn with_package<T>(files: &[(&str, &str)], rule: impl FnOnce(&Package) -> T) -> T {
    with_package_at("crates/a", files, rule)
}

/// As [`with_package`], for a crate in a folder of choice.
#[cfg(test)]
pub(super) fn with_package_at<T>(
    root: &str,
    files: &[(&str, &str)],
    rule: impl FnOnce(&Package) -> T,
) -> T {
    let texts: BTreeMap<String, &str> = files
        .iter()
        .map(|(path, text)| (format!("{root}/src/{path}"), *text))
        .collect();
    let codes = texts
        .iter()
        .map(|(path, text)| (path.as_str(), Code::parse(path, text).unwrap()))
        .collect();
    rule(&Package::read(root, &codes).unwrap())
}
