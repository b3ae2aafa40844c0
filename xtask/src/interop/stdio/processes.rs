//! The processes that run.

use std::{collections::BTreeSet, fs};

/// The ids of the processes with this mark in their environment, and their tokens.
pub(super) struct Processes {
    pub(super) ids: Vec<String>,
    pub(super) tokens: BTreeSet<String>,
}

impl Processes {
    /// Finds the processes whose variable `MARK` has this value, their own children included.
    pub(super) fn marked(mark: &str) -> Self {
        let mut found = Self {
            ids: Vec::new(),
            tokens: BTreeSet::new(),
        };
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            // A process may end meanwhile, and others belong to other users.
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment);
            let value = |name: &str| {
                let mut variables = environment.split('\0');
                variables.find_map(|it| it.strip_prefix(name)?.strip_prefix('='))
            };
            if value("MARK") == Some(mark) {
                found
                    .ids
                    .push(entry.file_name().to_string_lossy().into_owned());
                found.tokens.extend(value("API_TOKEN").map(str::to_owned));
            }
        }
        found
    }

    /// Kills them with a signal that none can ignore.
    pub(super) async fn kill(&self) -> crate::Result {
        let mut kill = tokio::process::Command::new("kill");
        kill.arg("-9").args(&self.ids).status().await?;
        Ok(())
    }
}
