//! What a rule finds.

use std::fmt;

/// A place that breaks a rule. Prints as `path:line: rule: what to do`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    path: String,
    line: usize,
    pub(super) rule: &'static str,
    remedy: String,
}

impl Finding {
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

    /// The lines of findings, for tests.
    #[cfg(test)]
    pub(super) fn lines(findings: &[Self]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }
}

impl fmt::Display for Finding {
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
    fn a_finding_is_one_line_that_editors_can_jump_to() {
        let finding = Finding::new("a/b.rs", 7, "rule", "do this");
        assert_eq!(finding.to_string(), "a/b.rs:7: rule: do this");
    }
}
