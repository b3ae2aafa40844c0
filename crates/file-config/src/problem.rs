//! What is wrong with a file and its variables.

use std::fmt;

use mcp_pool_core::error::ConfigError;

/// One thing that is wrong: the key or variable, and what it needs. No value is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{name}: {needs}")]
#[non_exhaustive]
pub struct Problem {
    /// The key, such as `upstreams.github.url`, the variable, or the file itself.
    pub name: String,
    /// What is needed there.
    pub needs: String,
}

/// Everything that is wrong with a file and its variables. The configuration's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConfigError {
    problems: Vec<Problem>,
}

impl FileConfigError {
    pub(crate) fn of(name: &str, needs: &str) -> Self {
        let problem = Problem {
            name: name.to_owned(),
            needs: needs.to_owned(),
        };
        Self {
            problems: vec![problem],
        }
    }

    /// What is wrong, by name. Never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for FileConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} settings are wrong:", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FileConfigError {}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, name: impl Into<String>, needs: impl Into<String>) {
        self.0.push(Problem {
            name: name.into(),
            needs: needs.into(),
        });
    }

    /// Adds what the pool finds wrong.
    pub(crate) fn add_config(&mut self, error: ConfigError) {
        match error {
            ConfigError::Several(errors) => {
                errors.into_iter().for_each(|error| self.add_config(error));
            }
            ConfigError::Bound { field, kind, bound } => {
                self.add(field, format!("{kind} must be {bound}"));
            }
            ConfigError::Syntax { variable, expected } => {
                self.add(variable, format!("expected {expected}"));
            }
            ConfigError::UnknownKey(name) => self.add(name, "unknown key"),
            ConfigError::UnknownVariable(name) => self.add(name, "unknown variable"),
            error => self.add("pool", error.to_string()),
        }
    }

    /// An error where something is wrong.
    ///
    /// # Errors
    /// All of it.
    pub(crate) fn check(self) -> Result<(), FileConfigError> {
        let mut problems = self.0;
        problems.sort();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(FileConfigError { problems }),
        }
    }
}
