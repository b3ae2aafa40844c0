//! `cargo xtask tidy`: the rules of this repository that no other tool knows.
//!
//! A rule is a function from a file to violations. Text rules read any file, code rules a parsed
//! Rust file, manifest rules a parsed `Cargo.toml`, structure rules the modules of a crate. The
//! rules on the layout of crates, on words and on the promises of the docs read all files at once.

mod book;
mod code;
mod docs;
mod layout;
mod manifest;
mod names;
mod promises;
mod prose;
mod source;
mod structure;
mod text;
mod violation;

use std::collections::BTreeMap;

use xshell::{Shell, cmd};

use self::{manifest::Manifest, names::Package, source::Code, violation::Violation};
use crate::Result;

/// Checks every file that git knows or would add, and prints each violation.
pub(crate) fn run(sh: &Shell) -> Result {
    let files = files(sh)?;
    let mut report = check(&files);
    let exists = |path: &str| sh.path_exists(path);
    report
        .violations
        .extend(book::links_resolve(&files, &exists));
    for violation in &report.violations {
        println!("{violation}");
    }
    for note in &report.notes {
        println!("{note}");
    }
    match report.violations.len() {
        0 => {
            println!("{} files are tidy", files.len());
            Ok(())
        }
        count => Err(format!("{count} violations").into()),
    }
}

/// The outcome of all rules.
struct Report {
    violations: Vec<Violation>,
    /// Figures that are printed whatever the outcome.
    notes: Vec<String>,
}

/// Path and text of each file, relative to the root; binary files are left out.
fn files(sh: &Shell) -> Result<BTreeMap<String, String>> {
    let listed = cmd!(sh, "git ls-files --cached --others --exclude-standard")
        .quiet()
        .read()?;
    let mut files = BTreeMap::new();
    for path in listed.lines().filter(|path| sh.path_exists(path)) {
        if let Ok(text) = String::from_utf8(sh.read_binary_file(path)?) {
            files.insert(path.to_owned(), text);
        }
    }
    Ok(files)
}

fn check(files: &BTreeMap<String, String>) -> Report {
    let mut violations = layout::readme_is_the_doc(files);
    violations.extend(book::guides_compile(files));
    violations.extend(book::summary_lists_every_page(files));
    violations.extend(promises::promised_tests_exist(files));
    violations.extend(prose::architecture_paths(files));
    let mut codes = BTreeMap::new();
    for (path, text) in files {
        violations.extend(TEXT_RULES.iter().flat_map(|rule| rule(path, text)));
        if path.ends_with(".rs") {
            match Code::parse(path, text) {
                Ok(code) => drop(codes.insert(path.as_str(), code)),
                Err(violation) => violations.push(violation),
            }
        }
        if path.ends_with("Cargo.toml") {
            match Manifest::parse(path, text) {
                Ok(manifest) => {
                    violations.extend(MANIFEST_RULES.iter().flat_map(|rule| rule(&manifest)));
                }
                Err(violation) => violations.push(violation),
            }
        }
    }
    for code in codes.values() {
        violations.extend(CODE_RULES.iter().flat_map(|rule| rule(code)));
    }
    let packages = packages(files, &codes);
    for package in &packages {
        violations.extend(structure::RULES.iter().flat_map(|rule| rule(package)));
    }
    violations.extend(prose::plain_words(files, &codes));
    violations.sort();
    let notes = structure::largest_folders(&packages);
    Report { violations, notes }
}

/// The crates below `crates/`, and this one.
fn packages<'c>(
    files: &'c BTreeMap<String, String>,
    codes: &'c BTreeMap<&str, Code<'c>>,
) -> Vec<Package<'c>> {
    let roots = files
        .keys()
        .filter_map(|path| path.strip_suffix("/Cargo.toml"));
    let roots = roots.filter(|root| root.starts_with("crates/") || *root == "xtask");
    roots
        .filter_map(|root| Package::read(root, codes))
        .collect()
}

const TEXT_RULES: &[fn(&str, &str) -> Vec<Violation>] = &[
    text::left_for_later,
    text::machine_paths,
    text::no_io_in_moka,
    text::short_architecture,
];

const CODE_RULES: &[fn(&Code) -> Vec<Violation>] = &[
    code::core_names_no_transport,
    code::no_dodged_tests,
    code::no_holes,
    code::no_spawn_in_drop,
    code::paused_clock,
    code::short_files,
    code::unsafe_in_one_place,
    docs::cancel_safety,
    docs::errors,
];

const MANIFEST_RULES: &[fn(&Manifest) -> Vec<Violation>] = &[
    manifest::core_depends_on_no_transport,
    manifest::shared_lints,
    manifest::shared_versions,
    manifest::siblings_stand_alone,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_of_all_kinds_of_rules_are_sorted() {
        let files = [
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("crates/a/src/lib.rs", "pub async fn f() {}\n"),
            ("notes.md", concat!("TO", "DO\n")),
        ];
        let files = files
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
        let rules: Vec<_> = check(&files)
            .violations
            .iter()
            .map(|violation| violation.rule)
            .collect();
        let by_path = [
            "readme_is_the_doc",
            "shared_lints",
            "cancel_safety",
            "readme_is_the_doc",
        ];
        assert_eq!(rules, [&by_path[..], &["left_for_later"]].concat());
    }

    #[test]
    fn a_file_that_does_not_parse_is_a_violation_and_no_crash() {
        let files = [("a.rs", "fn ("), ("b/Cargo.toml", "= 1")];
        let files = files
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
        assert_eq!(check(&files).violations.len(), 2);
    }
}
