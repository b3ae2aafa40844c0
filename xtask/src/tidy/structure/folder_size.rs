//! How much a folder holds.

use std::collections::BTreeMap;

use super::{
    super::{names::Package, violation::Violation},
    folder_order::{Order, folder},
};

/// A folder below `src` holds at most a dozen files.
///
/// In a crate with an order of folders, a folder directly below `src` holds at most 15 % of the
/// lines outside of tests.
pub(super) fn folder_size(package: &Package) -> Vec<Violation> {
    let mut violations = crowded_folders(package);
    if Order::of(package.root).is_some() {
        let large = shares(package).into_iter();
        let large = large.filter(|share| share.percent() > MAX_PERCENT);
        violations.extend(large.map(|share| {
            let folder = format!("{}/src/{}", package.root, share.folder);
            let remedy = format!("{share}; split it, {MAX_PERCENT} % are enough");
            Violation::new(&folder, 1, RULE, remedy)
        }));
    }
    violations
}

/// The largest folder of each crate with an order of folders.
pub(in super::super) fn largest_folders(packages: &[Package]) -> Vec<String> {
    let ordered = packages.iter().filter(|p| Order::of(p.root).is_some());
    let largest = ordered.filter_map(|package| {
        let shares = shares(package).into_iter();
        let largest = shares.max_by_key(|share| share.lines)?;
        Some(format!(
            "largest folder of {}: {}/: {largest}",
            package.root, largest.folder
        ))
    });
    largest.collect()
}

fn crowded_folders(package: &Package) -> Vec<Violation> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for code in &package.files {
        let folder = code.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        *counts.entry(folder).or_default() += 1;
    }
    let crowded = counts.into_iter().filter(|(_, count)| *count > MAX_FILES);
    let violation = |(folder, count): (&str, usize)| {
        let remedy = format!("{count} files; group them in folders, {MAX_FILES} are enough");
        Violation::new(folder, 1, RULE, remedy)
    };
    crowded.map(violation).collect()
}

/// The part of a crate's lines that a folder holds, tests left out.
struct Share<'p> {
    folder: &'p str,
    lines: usize,
    all: usize,
}

impl Share<'_> {
    fn percent(&self) -> f64 {
        self.lines as f64 * 100.0 / self.all as f64
    }
}

impl std::fmt::Display for Share<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lines, all, .. } = self;
        write!(f, "{:.1} % ({lines} of {all} lines)", self.percent())
    }
}

fn shares<'p>(package: &'p Package) -> Vec<Share<'p>> {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for code in package.files.iter().filter(|code| !code.is_test()) {
        let folder = folder(package.short(code.path));
        *lines.entry(folder).or_default() += code.lines_of_code();
    }
    let all = lines.values().sum();
    let share = |(folder, lines)| Share { folder, lines, all };
    lines.into_iter().map(share).collect()
}

const RULE: &str = "folder_size";
const MAX_FILES: usize = 12;
const MAX_PERCENT: f64 = 15.0;

#[cfg(test)]
mod tests {
    use super::{super::super::names::with_package_at, *};

    fn found(root: &str, files: &[(String, String)]) -> Vec<String> {
        let show = |violation: &Violation| violation.to_string();
        let files: Vec<_> = files
            .iter()
            .map(|(p, t)| (p.as_str(), t.as_str()))
            .collect();
        with_package_at(root, &files, |package| {
            folder_size(package).iter().map(show).collect()
        })
    }

    fn file(path: &str, lines: usize) -> (String, String) {
        (path.to_owned(), "fn a() {}\n".repeat(lines))
    }

    #[test]
    fn a_folder_may_hold_a_dozen_files() {
        let files = |count| {
            let numbered = (0..count).map(|number| file(&format!("b/{number}.rs"), 1));
            numbered.chain([file("lib.rs", 1)]).collect::<Vec<_>>()
        };
        assert!(found("crates/a", &files(12)).is_empty());
        let found = found("crates/a", &files(13));
        assert_eq!(
            found,
            ["crates/a/src/b:1: folder_size: 13 files; group them in folders, 12 are enough"]
        );
    }

    #[test]
    fn a_folder_may_hold_15_percent_of_an_ordered_crate() {
        let names = ["types", "time", "error", "limits", "key", "pool", "client"];
        let mut files: Vec<_> = names
            .iter()
            .map(|name| file(&format!("{name}.rs"), 14))
            .collect();
        files.push(file("lib.rs", 2));
        assert!(found("crates/pool-core", &files).is_empty());
        files.push(file("pool/lease.rs", 6));
        files.push(file("pool/tests.rs", 100));
        let in_core = found("crates/pool-core", &files);
        assert!(
            in_core[0].contains("src/pool:1: folder_size: 18.9 % (20 of 106"),
            "{in_core:?}"
        );
        assert_eq!(in_core.len(), 1);
        assert!(found("crates/a", &files).is_empty());
    }
}
