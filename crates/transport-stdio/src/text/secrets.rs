//! Secrets in the output of a child.

use std::{cmp::Reverse, fmt};

/// The values that no log may show.
pub(crate) struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    pub(crate) fn new(mut values: Vec<Vec<u8>>) -> Self {
        values.retain(|value| !value.is_empty());
        // Of two values of which one begins with the other, the longer one is replaced.
        values.sort_by_key(|value| Reverse(value.len()));
        values.dedup();
        Self(values)
    }

    /// The length of the longest value.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// The first `most` bytes of a text, with a mark in the place of each value that begins in them.
    ///
    /// A value at the cut is replaced where the text holds all of it.
    pub(crate) fn redact(&self, text: &[u8], most: usize) -> String {
        let mut shown = Vec::with_capacity(text.len().min(most));
        let mut at = 0;
        while at < text.len().min(most) {
            match self.0.iter().find(|value| text[at..].starts_with(value)) {
                Some(value) => {
                    shown.extend_from_slice(MARK);
                    at += value.len();
                }
                None => {
                    shown.push(text[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&shown).into_owned()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

const MARK: &[u8] = b"[redacted]";

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let values = ["Bearer s3cret", "s3cret", "", "s3cret-and-more", "s3cret"];
        Secrets::new(values.map(|value| value.as_bytes().to_vec()).into())
    }

    #[test]
    fn each_occurrence_is_replaced_the_longest_first() {
        for (text, expected) in [
            ("plain", "plain"),
            ("s3cret", "[redacted]"),
            ("as3crets3cretb", "a[redacted][redacted]b"),
            ("x Bearer s3cret y", "x [redacted] y"),
            ("s3cret-and-more!", "[redacted]!"),
            ("s3cre", "s3cre"),
        ] {
            assert_eq!(secrets().redact(text.as_bytes(), 100), expected);
        }
    }

    #[test]
    fn a_value_at_the_cut_is_replaced_and_never_shown_in_part() {
        let secrets = secrets();
        for before in 0..20 {
            let text = "x".repeat(before) + "s3cret-and-more" + &"y".repeat(20);
            // What is read of a line goes beyond the cut by the longest value.
            let read = &text.as_bytes()[..20 + secrets.longest()];
            let shown = secrets.redact(read, 20);
            assert!(!shown.contains("s3"), "{shown}");
        }
    }
}
