//! The rule on the layout of a crate.

use std::collections::BTreeMap;

use super::violation::Violation;

/// Every crate has a README, which is the crate's documentation.
///
/// So its examples compile.
pub(super) fn readme_is_the_doc(files: &BTreeMap<String, String>) -> Vec<Violation> {
    let rule = "readme_is_the_doc";
    let mut violations = Vec::new();
    for manifest in files.keys() {
        let inner = manifest
            .strip_prefix("crates/")
            .and_then(|p| p.strip_suffix("/Cargo.toml"));
        let Some(folder) = inner else {
            continue;
        };
        if !files.contains_key(&format!("crates/{folder}/README.md")) {
            violations.push(Violation::new(
                manifest,
                1,
                rule,
                "write a README.md beside it",
            ));
        }
        let root = format!("crates/{folder}/src/lib.rs");
        if !files.get(&root).is_some_and(|text| text.contains(INCLUDED)) {
            violations.push(Violation::new(
                &root,
                1,
                rule,
                format!("begin with `{INCLUDED}`"),
            ));
        }
    }
    violations
}

const INCLUDED: &str = "#![doc = include_str!(\"../README.md\")]";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let owned = files
            .iter()
            .map(|(path, text)| (path.to_string(), text.to_string()));
        readme_is_the_doc(&owned.collect())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_crate_without_a_readme_is_found() {
        let found = found(&[
            ("crates/a/Cargo.toml", ""),
            ("crates/a/src/lib.rs", INCLUDED),
        ]);
        assert!(found[0].starts_with("crates/a/Cargo.toml:1"), "{found:?}");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_crate_that_does_not_include_its_readme_is_found() {
        let files = [
            ("crates/a/Cargo.toml", ""),
            ("crates/a/README.md", ""),
            ("crates/a/src/lib.rs", "//! Docs.\n"),
            ("xtask/Cargo.toml", ""),
        ];
        let found = found(&files);
        assert!(found[0].starts_with("crates/a/src/lib.rs:1"), "{found:?}");
        assert_eq!(found.len(), 1);
    }
}
