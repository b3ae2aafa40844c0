//! Paths in the tokens of a macro call, which syn does not parse.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{mention::Mention, scope::Space};

/// The paths in a stream of tokens.
///
/// A single word in lower case counts only where it is called, since it is a variable or a field
/// otherwise.
pub(super) fn paths(stream: TokenStream) -> Vec<Mention> {
    let mut found = Vec::new();
    scan(stream, &[], &mut found);
    found
}

fn scan(stream: TokenStream, prefix: &[String], found: &mut Vec<Mention>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        match &trees[at] {
            TokenTree::Group(group) => {
                let is_attribute = group.delimiter() == Delimiter::Bracket
                    && at > 0
                    && is_punct(trees.get(at - 1), '#');
                if !is_attribute {
                    scan(group.stream(), &[], found);
                }
                at += 1;
            }
            TokenTree::Ident(_) => at = path(&trees, at, prefix, found),
            _ => at += 1,
        }
    }
}

/// Reads the path that begins at a word, and returns where it ends.
fn path(trees: &[TokenTree], begin: usize, prefix: &[String], found: &mut Vec<Mention>) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = begin;
    while let Some(TokenTree::Ident(ident)) = trees.get(at) {
        segments.push(ident.to_string());
        at += 1;
        if !(is_punct(trees.get(at), ':') && is_punct(trees.get(at + 1), ':')) {
            break;
        }
        at += 2;
    }
    if let Some(TokenTree::Group(group)) = trees.get(at)
        && group.delimiter() == Delimiter::Brace
        && is_punct(trees.get(at - 1), ':')
    {
        scan(group.stream(), &segments, found);
        return at + 1;
    }
    let before = begin.checked_sub(1).and_then(|before| trees.get(before));
    let is_inner = match begin.checked_sub(2).and_then(|before| trees.get(before)) {
        // `..name` is a range, `.name` a field or a method.
        Some(TokenTree::Punct(earlier)) if earlier.as_char() == '.' => false,
        _ => is_punct(before, '.'),
    };
    let is_variable = is_punct(before, '$') && segments[0] != "crate" || is_punct(before, '\'');
    if !is_inner && !is_variable {
        let is_macro = is_punct(trees.get(at), '!') && !is_punct(trees.get(at + 1), '=');
        let is_called = matches!(trees.get(at), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Parenthesis);
        let is_named = segments.len() > 1 || segments[0].starts_with(char::is_uppercase);
        if is_macro || is_called || is_named {
            let space = match (is_macro, is_named) {
                (true, _) => Space::Macro,
                (false, true) => Space::Any,
                (false, false) => Space::Value,
            };
            let line = trees[begin].span().start().line;
            found.push(Mention::inline(segments, space, line));
        }
    }
    at
}

fn is_punct(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let paths = paths(text.parse().unwrap());
        paths.iter().map(|path| path.path.join("::")).collect()
    }

    #[test]
    fn paths_types_calls_and_macros_are_found() {
        assert_eq!(
            found("\"{}\", crate::a::b(Type { x }), call(1), inner!(), $crate::c, A::<B>::new()"),
            [
                "crate::a::b",
                "Type",
                "call",
                "inner",
                "crate::c",
                "A::",
                "B",
                "new"
            ]
            .map(|path| path.trim_end_matches("::"))
        );
    }

    #[test]
    fn groups_of_a_use_get_their_prefix() {
        assert_eq!(found("use crate::{a::B, C};"), ["crate::a::B", "crate::C"]);
    }

    #[test]
    fn variables_fields_methods_and_attributes_are_no_paths() {
        assert!(found("x, self.y.call(), error = %z, $name, #[cfg(Test)] 'a, a != b").is_empty());
        assert_eq!(found("0..limit()"), ["limit"]);
    }
}
