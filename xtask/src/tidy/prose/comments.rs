//! The comments of a Rust file.

/// One line of a comment, doc comments included.
#[derive(Debug, PartialEq)]
pub(super) struct Comment<'t> {
    pub(super) line: usize,
    pub(super) text: &'t str,
}

/// Every line of every comment. Strings are no comments, whatever they hold.
pub(super) fn comments(text: &str) -> Vec<Comment<'_>> {
    let mut lexer = Lexer {
        text,
        at: 0,
        line: 1,
    };
    let mut comments = Vec::new();
    while let Some(next) = lexer.rest().chars().next() {
        let length = match next {
            '/' if lexer.rest().starts_with("//") => lexer.find("\n"),
            '/' if lexer.rest().starts_with("/*") => lexer.block(),
            '"' => {
                let end = lexer.string();
                lexer.skip(end);
                continue;
            }
            '\'' => {
                let end = lexer.character();
                lexer.skip(end);
                continue;
            }
            other => {
                lexer.skip(other.len_utf8());
                continue;
            }
        };
        let comment = &lexer.rest()[..length];
        let lines = (lexer.line..).zip(comment.lines());
        comments.extend(lines.map(|(line, text)| Comment { line, text }));
        lexer.skip(length);
    }
    comments
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest()[..length].matches('\n').count();
        self.at += length;
    }

    /// The length up to a text, or up to the end.
    fn find(&self, end: &str) -> usize {
        self.rest().find(end).unwrap_or_else(|| self.rest().len())
    }

    /// The length of a block comment, which may hold others.
    fn block(&self) -> usize {
        let rest = self.rest();
        let mut depth = 0_usize;
        let mut at = 0;
        while at < rest.len() {
            if rest[at..].starts_with("/*") {
                depth += 1;
                at += 2;
            } else if rest[at..].starts_with("*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            } else {
                at += rest[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
        rest.len()
    }

    /// The length of a string from its opening quote on.
    fn string(&self) -> usize {
        let rest = self.rest();
        let before = &self.text[..self.at];
        let prefix = before.trim_end_matches('#');
        if prefix.ends_with('r') {
            let end = format!("\"{}", "#".repeat(before.len() - prefix.len()));
            return rest[1..]
                .find(&end)
                .map_or(rest.len(), |at| at + 1 + end.len());
        }
        let mut is_escaped = false;
        for (at, next) in rest.char_indices().skip(1) {
            match next {
                '"' if !is_escaped => return at + 1,
                '\\' => is_escaped = !is_escaped,
                _ => is_escaped = false,
            }
        }
        rest.len()
    }

    /// The length of a character, or of the quote of a lifetime.
    fn character(&self) -> usize {
        let rest = self.rest();
        let mut chars = rest.char_indices().skip(1);
        match (chars.next(), chars.next()) {
            // The escaped character itself may be a quote.
            (Some((_, '\\')), Some((at, escaped))) => {
                let from = at + escaped.len_utf8();
                rest[from..]
                    .find('\'')
                    .map_or(rest.len(), |end| from + end + 1)
            }
            (Some(_), Some((at, '\''))) => at + 1,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, &str)> {
        let comments = comments(text).into_iter();
        comments
            .map(|comment| (comment.line, comment.text))
            .collect()
    }

    #[test]
    fn comments_of_all_kinds_are_found_with_their_lines() {
        let text = "//! a\nfn f() {} // b\n/* c\n/* d */ e */ struct S;\n/// g\n";
        assert_eq!(
            found(text),
            [
                (1, "//! a"),
                (2, "// b"),
                (3, "/* c"),
                (4, "/* d */ e */"),
                (5, "/// g")
            ]
        );
    }

    #[test]
    fn strings_characters_and_lifetimes_hold_no_comments() {
        let text =
            "\"// a \\\" // b\" r#\"// \" c\"# b\"//\" '\"' '\\'' '\\\\' <'a> '/' \"\n//\" // d";
        assert_eq!(found(text), [(2, "// d")]);
    }
}
