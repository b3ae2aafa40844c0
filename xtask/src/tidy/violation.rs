//! The result of a rule.

use std::fmt;

/// A line that breaks a rule. Prints as `path:line: rule: what to do`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Violation {
    path: String,
    line: usize,
    pub(super) rule: &'static str,
    remedy: String,
}

impl Violation {
    pub(super) fn new(
        path: &str,
        line: usize,
        rule: &'static str,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            remedy: remedy.into(),
        }
    }

    /// The lines of violations, for tests.
    #[cfg(test)]
    pub(super) fn lines(violations: &[Self]) -> Vec<usize> {
        violations.iter().map(|violation| violation.line).collect()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            rule,
            remedy,
        } = self;
        write!(f, "{path}:{line}: {rule}: {remedy}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_one_line_that_editors_can_open() {
        let violation = Violation::new("a/b.rs", 7, "rule", "do this");
        assert_eq!(violation.to_string(), "a/b.rs:7: rule: do this");
    }
}
