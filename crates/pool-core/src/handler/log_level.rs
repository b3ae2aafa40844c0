//! A level of the log.
#![expect(deprecated, reason = "servers of the revisions with sessions do log")]

use std::sync::atomic::{AtomicU8, Ordering};

use rmcp::model::LoggingLevel;

/// A level of the log: the one that a key wants, or the one that a session has. None at first.
#[derive(Default)]
pub(crate) struct LogLevelCell(AtomicU8);

impl LogLevelCell {
    pub(crate) fn get(&self) -> Option<LoggingLevel> {
        let number = self.0.load(Ordering::Relaxed);
        let index = usize::from(number).checked_sub(1)?;
        LEVELS.get(index).copied()
    }

    pub(crate) fn set(&self, level: LoggingLevel) {
        self.0.store(level as u8 + 1, Ordering::Relaxed);
    }

    /// Sets a level, unless there is one.
    pub(crate) fn set_first(&self, level: LoggingLevel) {
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        // There is one already, where this fails.
        let _ = self
            .0
            .compare_exchange(0, level as u8 + 1, success, failure);
    }
}

/// Every level, in the order of their numbers.
const LEVELS: [LoggingLevel; 8] = [
    LoggingLevel::Debug,
    LoggingLevel::Info,
    LoggingLevel::Notice,
    LoggingLevel::Warning,
    LoggingLevel::Error,
    LoggingLevel::Critical,
    LoggingLevel::Alert,
    LoggingLevel::Emergency,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_no_level_at_first_and_then_the_last_one() {
        let cell = LogLevelCell::default();
        assert_eq!(cell.get(), None);
        for level in LEVELS {
            cell.set(level);
            assert_eq!(cell.get(), Some(level));
        }
        cell.set_first(LoggingLevel::Debug);
        assert_eq!(cell.get(), Some(LoggingLevel::Emergency));
    }
}
