//! A path in code.

use super::scope::Space;

/// A path in the code of a module.
#[derive(Debug)]
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    pub(super) space: Space,
    pub(super) line: usize,
    /// True for the path of a `use` with a visibility, which hands a name on.
    pub(super) is_reexport: bool,
}

impl Mention {
    pub(super) fn inline(path: Vec<String>, space: Space, line: usize) -> Self {
        Self {
            path,
            space,
            line,
            is_reexport: false,
        }
    }
}
