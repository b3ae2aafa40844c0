//! The ways through the core, as the overview lists them.

use std::collections::BTreeMap;

use super::super::{structure::Order, violation::Violation};

/// The overview lists the files that each of four operations runs through.
///
/// The files exist, the lists are short, and each step leads to the same folder or to one further
/// down in the order of the folders.
pub(in super::super) fn architecture_paths(files: &BTreeMap<String, String>) -> Vec<Violation> {
    let Some(page) = files.get(PAGE) else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    let mut missing = Vec::new();
    for list in LISTS {
        match entries(page, list.heading) {
            Some(entries) => violations.extend(check(list, &entries, files)),
            None => missing.push(format!("\"{}\"", list.heading)),
        }
    }
    if !missing.is_empty() {
        let remedy = format!("add a fenced list of files under {}", missing.join(", "));
        violations.push(Violation::new(PAGE, 1, RULE, remedy));
    }
    violations
}

/// A list of files under a heading.
struct List {
    heading: &'static str,
    max: Option<usize>,
}

/// A line of a list.
struct Entry<'p> {
    line: usize,
    file: &'p str,
}

/// The entries of the first fenced block under a heading.
///
/// Empty lines and those that begin with `#` are left out, and so is what follows the first word of
/// a line.
fn entries<'p>(page: &'p str, heading: &str) -> Option<Vec<Entry<'p>>> {
    let lines = (1..).zip(page.lines());
    let title = |line: &str| {
        line.starts_with('#')
            .then(|| line.trim_matches(['#', ' ']) == heading)
    };
    let mut below = lines
        .skip_while(|(_, line)| title(line) != Some(true))
        .skip(1);
    let is_fence = |line: &str| line.trim_start().starts_with("```");
    let (_, begin) = below.find(|(_, line)| is_fence(line) || line.starts_with('#'))?;
    let block = below.take_while(|(_, line)| !is_fence(line));
    let entries = block.filter_map(|(line, text)| {
        let file = text.split_whitespace().next()?;
        (!file.starts_with('#')).then_some(Entry { line, file })
    });
    is_fence(begin).then(|| entries.collect())
}

fn check(list: &List, entries: &[Entry], files: &BTreeMap<String, String>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut found = |line, remedy| violations.push(Violation::new(PAGE, line, RULE, remedy));
    for Entry { line, file } in entries {
        if !files.contains_key(&format!("{CORE}/src/{file}")) {
            found(*line, format!("there is no `{file}` in {CORE}/src"));
        }
    }
    if let Some(max) = list.max
        && let Some(Entry { line, .. }) = entries.get(max)
    {
        let count = entries.len();
        found(
            *line,
            format!("\"{}\": {count} files, {max} are enough", list.heading),
        );
    }
    let order = Order::of(CORE);
    let rank = |entry: &Entry| order.and_then(|order| order.rank(entry.file));
    for pair in entries.windows(2) {
        if let (Some(from), Some(to)) = (rank(&pair[0]), rank(&pair[1]))
            && from < to
        {
            let (from, to) = (pair[0].file, pair[1].file);
            let remedy = format!("`{to}` stands above `{from}` in the order of the folders");
            found(pair[1].line, remedy);
        }
    }
    violations
}

const RULE: &str = "architecture_paths";
const PAGE: &str = "docs/architecture.md";
const CORE: &str = "crates/pool-core";

const LISTS: &[List] = &[
    List {
        heading: "First acquire of a key",
        max: Some(25),
    },
    List {
        heading: "A hit",
        max: Some(10),
    },
    List {
        heading: "A call",
        max: None,
    },
    List {
        heading: "A close",
        max: None,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = ["pool/mod.rs", "client/mod.rs", "key/slots.rs"];

    fn list(heading: &str, entries: &[&str]) -> String {
        format!(
            "### {heading}\n\nText.\n\n```text\n{}\n```\n\n",
            entries.join("\n")
        )
    }

    fn found(page: String) -> Vec<String> {
        let core = FILES.map(|file| (format!("crates/pool-core/src/{file}"), String::new()));
        let page = [(PAGE.to_owned(), page)];
        let files = page.into_iter().chain(core).collect();
        architecture_paths(&files)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// A page with one list of interest and the others well.
    fn page(first: &[&str]) -> String {
        let others = ["A hit", "A call", "A close"].map(|heading| list(heading, &FILES));
        list("First acquire of a key", first) + &others.concat()
    }

    #[test]
    fn lists_of_files_from_the_top_to_the_ground_are_fine() {
        assert!(found(page(&FILES)).is_empty());
        let with_remarks = [
            "# the caller",
            "",
            "pool/mod.rs  (acquire)",
            "client/mod.rs",
        ];
        assert!(found(page(&with_remarks)).is_empty());
    }

    #[test]
    fn a_file_that_does_not_exist_and_a_step_upward_are_found() {
        let found = found(page(&["client/mod.rs", "pool/mod.rs", "key/none.rs"]));
        assert!(
            found[0].contains(":8: architecture_paths: there is no `key/none.rs`"),
            "{found:?}"
        );
        assert!(
            found[1].contains(":7: architecture_paths: `pool/mod.rs` stands above"),
            "{found:?}"
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_long_list_is_found() {
        assert!(found(page(&[FILES[0]; 25])).is_empty());
        let found = found(page(&[FILES[0]; 26]));
        assert!(found[0].ends_with("26 files, 25 are enough"), "{found:?}");
    }

    #[test]
    fn missing_lists_are_found_once() {
        let found_none = found("# Architecture\n\n## A hit\n\n## A call\n".to_owned());
        assert_eq!(found_none.len(), 1);
        assert!(
            found_none[0].ends_with("\"A hit\", \"A call\", \"A close\""),
            "{found_none:?}"
        );
    }
}
