//! Words that hide who acts.

use std::collections::BTreeMap;

use super::{
    super::{source::Code, violation::Violation},
    comments::comments,
};

/// The subject of a sentence is a type, a function or a role.
///
/// In 1,000 lines of comments, fewer than two of the words that hide it are allowed. Each crate has
/// a budget for its comments, and another one for all lines of its pages. The names of tests count
/// as comments.
pub(in super::super) fn plain_words(
    files: &BTreeMap<String, String>,
    codes: &BTreeMap<&str, Code>,
) -> Vec<Violation> {
    let mut budgets: BTreeMap<(&str, &str), Budget> = BTreeMap::new();
    for (path, text) in files {
        if let Some(code) = codes.get(path.as_str()) {
            budgets
                .entry((group(path), "comments"))
                .or_default()
                .read_code(code, text);
        } else if path.ends_with(".md") {
            let budget = budgets.entry((group(path), "pages")).or_default();
            for (line, text) in (1..).zip(text.lines()) {
                budget.read(path, line, text);
            }
        }
    }
    let violations = budgets.iter().map(|((group, kind), budget)| {
        let of = if group.is_empty() { "the root" } else { group };
        budget.violations(&format!("{kind} of {of}"))
    });
    violations.flatten().collect()
}

/// The folder of the crate of a file, or the folder directly below the root.
fn group(path: &str) -> &str {
    let mut parts = path.match_indices('/').map(|(at, _)| at);
    let end = match path.starts_with("crates/") {
        true => parts.nth(1),
        false => parts.next(),
    };
    end.map_or("", |end| &path[..end])
}

/// The lines of one kind of text, and the words in them.
#[derive(Default)]
struct Budget<'p> {
    lines: usize,
    words: Vec<Occurrence<'p>>,
}

struct Occurrence<'p> {
    path: &'p str,
    line: usize,
    word: &'static str,
}

impl<'p> Budget<'p> {
    fn read_code(&mut self, code: &Code<'p>, text: &str) {
        let mut counted = 0;
        for comment in comments(text) {
            self.read(code.path, comment.line, comment.text);
            // Two comments on one line are one line.
            self.lines -= usize::from(counted == comment.line);
            counted = comment.line;
        }
        let tests: Vec<_> = code.test_modules().collect();
        for pair in code.tokens.windows(2) {
            let [keyword, name] = pair else {
                continue;
            };
            let is_promise = code.is_test()
                || code.path.starts_with(SUITES)
                || tests.iter().any(|lines| lines.contains(&name.line));
            if keyword.text == "fn" && is_promise {
                self.search(code.path, name.line, &name.text.replace('_', " "));
            }
        }
    }

    fn read(&mut self, path: &'p str, line: usize, text: &str) {
        self.lines += 1;
        self.search(path, line, text);
    }

    fn search(&mut self, path: &'p str, line: usize, text: &str) {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let found = words.filter_map(|word| {
            let mut hidden = WORDS.into_iter();
            hidden.find(|hidden| hidden.eq_ignore_ascii_case(word))
        });
        let occurrences = found.map(|word| Occurrence { path, line, word });
        self.words.extend(occurrences);
    }

    fn violations(&self, what: &str) -> Vec<Violation> {
        let (words, lines) = (self.words.len(), self.lines);
        if words * 1_000 < MAX_IN_1000 * lines || words == 0 {
            return Vec::new();
        }
        let violation = |Occurrence { path, line, word }: &Occurrence| {
            let remedy = format!(
                "`{word}`: name the type, the function or the role that acts; \
                 {words} such words in {lines} lines of {what}"
            );
            Violation::new(path, *line, "plain_words", remedy)
        };
        self.words.iter().map(violation).collect()
    }
}

/// The functions of this folder are tests without an attribute.
const SUITES: &str = "crates/testkit/src/conformance/";

/// This many words in 1,000 lines are too many.
const MAX_IN_1000: usize = 2;

const WORDS: [&str; 9] = [
    "anybody",
    "asked",
    "everybody",
    "nobody",
    "says",
    "somebody",
    "told",
    "whoever",
    "whom",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        let files = [(path.to_owned(), text.to_owned())].into();
        let codes = match path.ends_with(".rs") {
            true => [(path, Code::parse(path, text).unwrap())].into(),
            false => BTreeMap::new(),
        };
        Violation::lines(&plain_words(&files, &codes))
    }

    #[test]
    fn a_word_in_a_comment_a_page_or_a_test_name_is_found() {
        let text = "//! Whoever waits.\nfn told() {}\n// says_it, untold\nfn f() {} // asked\n\
            const A: &str = \"nobody\";\n#[cfg(test)]\nmod tests {\n    fn whom_it_serves() {}\n}\n";
        assert_eq!(found("crates/a/src/a.rs", text), [1, 4, 8]);
        assert_eq!(found("tests/a.rs", "fn a_caller_is_told() {}\n"), [1]);
        assert_eq!(found("notes.md", "fine\nIt says, says.\n"), [2, 2]);
    }

    #[test]
    fn one_word_in_a_thousand_lines_is_within_the_budget() {
        let text = |words, lines| "// says\n".repeat(words) + &"// fine\n".repeat(lines);
        assert!(found("xtask/src/a.rs", &text(1, 999)).is_empty());
        assert_eq!(found("xtask/src/a.rs", &text(2, 998)), [1, 2]);
        assert!(found("docs/a.md", &("told\n".to_owned() + &"fine\n".repeat(999))).is_empty());
    }

    #[test]
    fn each_crate_has_its_own_budget() {
        assert_eq!(group("crates/pool-core/src/lib.rs"), "crates/pool-core");
        assert_eq!(group("tests/suites/main.rs"), "tests");
        assert_eq!(group("README.md"), "");
    }
}
