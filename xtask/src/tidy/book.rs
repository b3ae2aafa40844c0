//! The pages below `docs`, which are a book.

use std::collections::BTreeMap;

use super::violation::Violation;

/// A page that the summary does not list is found by no reader.
pub(super) fn summary_lists_every_page(files: &BTreeMap<String, String>) -> Vec<Violation> {
    let Some(summary) = files.get(SUMMARY) else {
        return Vec::new();
    };
    let listed: Vec<_> = links(summary).map(|(_, link)| link).collect();
    let is_listed = |page: &str| listed.contains(&page);
    pages(files)
        .filter(|page| *page != SUMMARY && !is_listed(&page["docs/".len()..]))
        .map(|page| Violation::new(page, 1, "summary_lists_every_page", "add it to SUMMARY.md"))
        .collect()
}

/// Each link between files of this repository leads to one, or to a folder.
pub(super) fn links_resolve(files: &BTreeMap<String, String>, exists: Exists) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (line, link) in links(text) {
            let target = link.split('#').next().unwrap_or_default();
            let is_elsewhere = target.is_empty() || target.contains("://");
            if !is_elsewhere && !exists(&resolved(path, target)) {
                let remedy = format!("nothing is at {target}");
                violations.push(Violation::new(path, line, "links_resolve", remedy));
            }
        }
    }
    violations
}

/// Each page with a block of Rust is compiled by the tests.
pub(super) fn guides_compile(files: &BTreeMap<String, String>) -> Vec<Violation> {
    let compiled = files.get(COMPILED).map_or("", String::as_str);
    let lacks = |page: &&str| {
        let blocks = files[*page].lines().any(|line| line.starts_with("```rust"));
        blocks && !compiled.contains(&format!("include_str!(\"../{page}\")"))
    };
    pages(files)
        .filter(lacks)
        .map(|page| Violation::new(page, 1, "guides_compile", "include it in tests/lib.rs"))
        .collect()
}

/// Whether there is a file or a folder at a path from the root.
pub(super) type Exists<'a> = &'a dyn Fn(&str) -> bool;

fn pages(files: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    let paths = files.keys().map(String::as_str);
    paths.filter(|path| path.starts_with("docs/") && path.ends_with(".md"))
}

/// The links of a page, each with its line; those in blocks of code are none.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    let lines = (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.flat_map(|(number, line)| {
        let parts = line.split("](").skip(1);
        let links = parts.filter_map(|part| part.split_once(')'));
        links.map(move |(link, _)| (number, link))
    })
}

/// A relative link as a path from the root.
fn resolved(page: &str, link: &str) -> String {
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(path.pop()),
            "." | "" => {}
            part => path.push(part),
        }
    }
    path.join("/")
}

const SUMMARY: &str = "docs/SUMMARY.md";
const COMPILED: &str = "tests/lib.rs";

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = texts
            .iter()
            .map(|(path, text)| (path.to_string(), text.to_string()));
        owned.collect()
    }

    fn rendered(violations: &[Violation]) -> Vec<String> {
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_page_outside_of_the_summary_is_found() {
        let files = files(&[
            ("docs/SUMMARY.md", "- [A](a.md)\n"),
            ("docs/a.md", ""),
            ("docs/b.md", ""),
            ("README.md", ""),
        ]);
        let found = rendered(&summary_lists_every_page(&files));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("docs/b.md:1"), "{found:?}");
    }

    #[test]
    fn a_link_to_nothing_is_found_unless_it_is_code_or_leads_elsewhere() {
        let text = "[a](../tests) [b](b.md#part)\n[web](https://a.example/x) [c](c.md)\n\
            ```text\n[d](d.md)\n```\n![e](images/e.png)\n[f](#part)\n";
        let files = files(&[("docs/a.md", text)]);
        let exists = |path: &str| ["tests", "docs/b.md"].contains(&path);
        let lines = Violation::lines(&links_resolve(&files, &exists));
        assert_eq!(lines, [2, 6]);
    }

    #[test]
    fn a_guide_with_code_that_is_not_compiled_is_found() {
        let code = "```rust,no_run\n```\n";
        let files = files(&[
            ("docs/a.md", code),
            ("docs/b.md", code),
            ("docs/c.md", "```toml\n```\n"),
            ("tests/lib.rs", "#[doc = include_str!(\"../docs/a.md\")]"),
        ]);
        let found = rendered(&guides_compile(&files));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("docs/b.md:1"), "{found:?}");
    }
}
