//! A parsed Rust file.

use std::{ops::RangeInclusive, str::FromStr};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Attribute, Item, ItemMod, Meta};

use super::violation::Violation;

/// A parsed Rust file.
pub(super) struct Code<'a> {
    pub(super) path: &'a str,
    pub(super) file: syn::File,
    /// Every token, those of macro bodies included.
    ///
    /// Comments have none, doc comments are literals.
    pub(super) tokens: Vec<Token>,
    pub(super) lines: usize,
}

/// A word, a punctuation mark or a delimiter.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl<'a> Code<'a> {
    pub(super) fn parse(path: &'a str, text: &str) -> Result<Self, Violation> {
        let broken = |error: &dyn std::fmt::Display, line| {
            Violation::new(path, line, "parse", format!("not valid Rust: {error}"))
        };
        let file =
            syn::parse_file(text).map_err(|error| broken(&error, error.span().start().line))?;
        let stream = TokenStream::from_str(text)
            .map_err(|error| broken(&error, error.span().start().line))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Ok(Self {
            path,
            file,
            tokens,
            lines: text.lines().count(),
        })
    }

    /// True for a source file of a published crate that is no test.
    pub(super) fn is_library(&self) -> bool {
        self.path.starts_with("crates/") && self.path.contains("/src/") && !self.is_test()
    }

    /// True when the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs")
    }

    /// The number of lines outside of `#[cfg(test)]` modules.
    pub(super) fn lines_of_code(&self) -> usize {
        let in_tests: usize = self.test_modules().map(Iterator::count).sum();
        self.lines - in_tests
    }

    /// The lines of each `#[cfg(test)]` module of the file.
    pub(super) fn test_modules(&self) -> impl Iterator<Item = RangeInclusive<usize>> {
        self.file.items.iter().filter_map(lines_of_tests)
    }

    /// The lines that hold these tokens in a row.
    pub(super) fn occurrences(&self, sequence: &[&str]) -> Vec<usize> {
        let windows = self.tokens.windows(sequence.len());
        let same = |window: &&[Token]| window.iter().zip(sequence).all(|(t, s)| t.text == *s);
        windows.filter(same).map(|window| window[0].line).collect()
    }
}

/// True for a module with a body that is compiled only for tests.
pub(super) fn is_test_module(module: &ItemMod) -> bool {
    module.content.is_some() && module.attrs.iter().any(is_cfg_test)
}

/// True when one of the attributes limits its item to tests.
///
/// `#[cfg(test)]`, `#[cfg(all(test, ..))]`, `#[test]` or a test attribute of a runtime.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        let last = attribute.path().segments.last();
        is_cfg_test(attribute) || last.is_some_and(|last| last.ident == "test")
    };
    attributes.iter().any(is_test)
}

/// The lines of a test module, from its first attribute to its closing brace.
fn lines_of_tests(item: &Item) -> Option<RangeInclusive<usize>> {
    let Item::Mod(module) = item else {
        return None;
    };
    let (braces, _) = module.content.as_ref().filter(|_| is_test_module(module))?;
    let first = module.attrs.first()?.pound_token.spans[0].start().line;
    Some(first..=braces.span.close().end().line)
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    let is_word =
        |tree: &TokenTree, word: &str| matches!(tree, TokenTree::Ident(ident) if ident == word);
    let condition: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
    let is_test = match &condition[..] {
        [only] => is_word(only, "test"),
        [all, TokenTree::Group(group)] => {
            let mut parts = group.stream().into_iter();
            is_word(all, "all") && parts.any(|part| is_word(&part, "test"))
        }
        _ => false,
    };
    list.path.is_ident("cfg") && is_test
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                let end = group.span_close().end().line;
                tokens.push(Token {
                    text: open.to_owned(),
                    line,
                });
                flatten(group.stream(), tokens);
                tokens.push(Token {
                    text: close.to_owned(),
                    line: end,
                });
            }
            other => tokens.push(Token {
                text: other.to_string(),
                line,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_test_module_do_not_count() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        let code = Code::parse("a.rs", text).unwrap();
        assert_eq!((code.lines, code.lines_of_code()), (6, 2));
    }

    #[test]
    fn attributes_that_limit_an_item_to_tests_are_known() {
        let is_for_tests = |attribute: &str| {
            let item: syn::ItemFn = syn::parse_str(&format!("{attribute} fn a() {{}}")).unwrap();
            is_for_tests(&item.attrs)
        };
        for attribute in [
            "#[test]",
            "#[tokio::test]",
            "#[cfg(test)]",
            "#[cfg(all(unix, test))]",
        ] {
            assert!(is_for_tests(attribute), "{attribute}");
        }
        for attribute in [
            "#[cfg(any(test, unix))]",
            "#[cfg(not(test))]",
            "#[cfg(all(not(test), feature = \"test\"))]",
            "#[must_use]",
        ] {
            assert!(!is_for_tests(attribute), "{attribute}");
        }
    }

    #[test]
    fn tokens_of_macro_bodies_are_read_and_comments_are_not() {
        let text = "// a b\n/// a b\nmacro_rules! m {\n    () => { a b };\n}\n";
        assert_eq!(
            Code::parse("a.rs", text).unwrap().occurrences(&["a", "b"]),
            [4]
        );
    }
}
