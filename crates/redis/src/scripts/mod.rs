//! The scripts, each an atomic step.

use redis::Script;

/// The scripts, each an atomic step by the clock of the server.
pub(crate) struct Scripts {
    pub(crate) beat: Script,
    pub(crate) claim: Script,
    pub(crate) record: Script,
    pub(crate) remove: Script,
    pub(crate) revoke: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            beat: Script::new(include_str!("beat.lua")),
            claim: Script::new(include_str!("claim.lua")),
            record: Script::new(include_str!("record.lua")),
            remove: Script::new(include_str!("remove.lua")),
            revoke: Script::new(include_str!("revoke.lua")),
        }
    }
}
