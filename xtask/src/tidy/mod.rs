//! `cargo xtask tidy`: the rules of this repository that no other tool knows.
//!
//! A rule is a function from a file to findings. Text rules see any file, code rules a parsed
//! Rust file, manifest rules a parsed `Cargo.toml`; the rules on how a crate is laid out and on
//! what the docs promise see all files at once.

mod code;
mod docs;
mod finding;
mod layout;
mod manifest;
mod promises;
mod source;
mod text;

use std::collections::BTreeMap;

use finding::Finding;
use xshell::{Shell, cmd};

use self::{manifest::Manifest, source::Code};
use crate::Result;

/// Checks every file that git knows or would add, and prints what is wrong.
pub(crate) fn run(sh: &Shell) -> Result {
    let files = files(sh)?;
    let findings = check(&files);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("{} files are tidy", files.len());
            Ok(())
        }
        count => Err(format!("{count} findings").into()),
    }
}

/// Path and text of each file, relative to the root; files that are no text are left out.
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

fn check(files: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = layout::readme_is_the_doc(files);
    findings.extend(promises::promised_tests_exist(files));
    for (path, text) in files {
        findings.extend(TEXT_RULES.iter().flat_map(|rule| rule(path, text)));
        if path.ends_with(".rs") {
            match Code::parse(path, text) {
                Ok(code) => findings.extend(CODE_RULES.iter().flat_map(|rule| rule(&code))),
                Err(finding) => findings.push(finding),
            }
        }
        if path.ends_with("Cargo.toml") {
            match Manifest::parse(path, text) {
                Ok(manifest) => {
                    findings.extend(MANIFEST_RULES.iter().flat_map(|rule| rule(&manifest)));
                }
                Err(finding) => findings.push(finding),
            }
        }
    }
    findings.sort();
    findings
}

const TEXT_RULES: &[fn(&str, &str) -> Vec<Finding>] = &[
    text::left_for_later,
    text::machine_paths,
    text::no_io_in_moka,
    text::short_architecture,
];

const CODE_RULES: &[fn(&Code) -> Vec<Finding>] = &[
    code::core_names_no_transport,
    code::no_dodged_tests,
    code::no_holes,
    code::no_spawn_in_drop,
    code::paused_clock,
    code::short_files,
    docs::cancel_safety,
    docs::errors,
];

const MANIFEST_RULES: &[fn(&Manifest) -> Vec<Finding>] = &[
    manifest::core_depends_on_no_transport,
    manifest::shared_lints,
    manifest::shared_versions,
    manifest::siblings_stand_alone,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_all_kinds_of_rules_are_gathered_in_order() {
        let files = [
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("crates/a/src/lib.rs", "pub async fn f() {}\n"),
            ("notes.md", concat!("TO", "DO\n")),
        ];
        let files = files
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
        let rules: Vec<_> = check(&files).iter().map(|finding| finding.rule).collect();
        let by_place = [
            "readme_is_the_doc",
            "shared_lints",
            "cancel_safety",
            "readme_is_the_doc",
        ];
        assert_eq!(rules, [&by_place[..], &["left_for_later"]].concat());
    }

    #[test]
    fn a_file_that_does_not_parse_is_a_finding_and_not_a_crash() {
        let files = [("a.rs", "fn ("), ("b/Cargo.toml", "= 1")];
        let files = files
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
        assert_eq!(check(&files).len(), 2);
    }
}
