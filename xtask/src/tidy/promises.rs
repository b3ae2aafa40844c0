//! The promises in the docs, and the tests that show them.

use std::collections::BTreeMap;

use super::violation::Violation;

/// Each `file::test` on the page on isolation exists.
pub(super) fn promised_tests_exist(files: &BTreeMap<String, String>) -> Vec<Violation> {
    let Some(page) = files.get(PAGE) else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    for (number, line) in (1..).zip(page.lines()) {
        // Every second part stands between backticks.
        let named = line.split('`').skip(1).step_by(2);
        for (file, test) in named.filter_map(as_test) {
            if !exists(files, file, test) {
                let remedy = format!("there is no test `{file}::{test}`");
                violations.push(Violation::new(PAGE, number, "promised_tests_exist", remedy));
            }
        }
    }
    violations
}

/// Splits `file::test`, both in lower case; `None` for types and methods.
fn as_test(name: &str) -> Option<(&str, &str)> {
    let is_plain =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    name.split_once("::")
        .filter(|(file, test)| is_plain(file) && is_plain(test))
}

fn exists(files: &BTreeMap<String, String>, file: &str, test: &str) -> bool {
    let is_defined = |text: &str| {
        ["(", "<"]
            .iter()
            .any(|next| text.contains(&format!("async fn {test}{next}")))
    };
    let paths = [
        format!("tests/suites/{file}.rs"),
        format!("tests/{file}.rs"),
        format!("tests/{file}/main.rs"),
    ];
    let mut texts = paths.iter().filter_map(|path| files.get(path));
    texts.any(|text| is_defined(text))
}

const PAGE: &str = "docs/isolation.md";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<usize> {
        let suite = "async fn it_holds() {}\nasync fn over_each<S>() {}\n";
        let files = [
            (PAGE, page),
            ("tests/suites/a.rs", suite),
            ("tests/b.rs", suite),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        Violation::lines(&promised_tests_exist(&files.into()))
    }

    #[test]
    fn a_test_that_exists_may_be_named() {
        assert!(found("`a::it_holds`, `a::over_each` and `b::it_holds`").is_empty());
    }

    #[test]
    fn a_test_that_does_not_exist_is_found() {
        assert_eq!(
            found("x\n`a::it_hold`\n`c::it_holds`, `b::nothing`"),
            [2, 3, 3]
        );
    }

    #[test]
    fn types_methods_and_plain_text_are_no_test_names() {
        assert!(found("`Scope::Shared`, a::it_hold, `pool.revoke`, `std::sync::Arc`").is_empty());
    }
}
