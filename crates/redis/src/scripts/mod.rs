//! The scripts, each an atomic step.

use redis::Script;

/// The scripts, each an atomic step by the clock of the server.
pub(crate) struct Scripts {
    pub(crate) beat: Script,
    pub(crate) claim: Script,
    pub(crate) hint: Script,
    pub(crate) leave_hint: Script,
    pub(crate) record: Script,
    pub(crate) remove: Script,
    pub(crate) revoke: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            beat: Script::new(include_str!("beat.lua")),
            claim: Script::new(include_str!("claim.lua")),
            hint: Script::new(include_str!("hint.lua")),
            leave_hint: Script::new(include_str!("leave_hint.lua")),
            record: Script::new(include_str!("record.lua")),
            remove: Script::new(include_str!("remove.lua")),
            revoke: Script::new(include_str!("revoke.lua")),
        }
    }
}
