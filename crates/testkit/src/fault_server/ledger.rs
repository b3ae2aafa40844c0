//! What was executed, and whether a caller's outcome is true.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    path::Path,
};

use mcp_pool_core::error::Outcome;

/// How often each call was executed, by the id in its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    calls: BTreeMap<String, CallRecord>,
}

/// What happened to the calls of one id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallRecord {
    /// How often the call was executed.
    pub executed: u32,
    /// How often it was executed and its answer withheld or spoilt.
    pub lost: u32,
    /// How often it was executed on a session that had served a call of another owner. The owner of a call
    /// is its argument `owner`, or `owner` in the `_meta` of its parameters.
    pub crossed: u32,
}

/// How an outcome that a caller got differs from what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// A call that changes state was executed more than once.
    Doubled,
    /// The caller got "not executed", and the call was.
    Executed,
    /// The caller got an answer, and the call was not executed.
    NeverExecuted,
}

impl Ledger {
    /// Reads the journal of a [`FaultServer`](super::FaultServer), also of one that was killed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(journal: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(journal)?;
        let mut ledger = Self::default();
        text.lines()
            .for_each(|id| ledger.note(id, CallRecord::EXECUTED));
        Ok(ledger)
    }

    /// How often a call was executed.
    #[must_use]
    pub fn executions(&self, id: &str) -> u32 {
        self.calls.get(id).map_or(0, |call| call.executed)
    }

    /// The number of executions of all calls.
    #[must_use]
    pub fn total(&self) -> u64 {
        let executions = self.calls.values().map(|call| u64::from(call.executed));
        executions.sum()
    }

    /// Each call that was executed, by its id.
    pub fn calls(&self) -> impl Iterator<Item = (&str, CallRecord)> {
        self.calls.iter().map(|(id, call)| (id.as_str(), *call))
    }

    /// Compares the outcome that the caller of a call got with what happened.
    ///
    /// A call that only reads may be executed more than once.
    ///
    /// # Errors
    /// How they differ.
    pub fn check(&self, id: &str, outcome: Outcome, only_reads: bool) -> Result<(), Wrong> {
        match (self.executions(id), outcome) {
            (2.., _) if !only_reads => Err(Wrong::Doubled),
            (1.., Outcome::NotExecuted) => Err(Wrong::Executed),
            (0, Outcome::Answered) => Err(Wrong::NeverExecuted),
            _ => Ok(()),
        }
    }

    pub(super) fn note(&mut self, id: &str, what: CallRecord) {
        let call = self.calls.entry(id.to_owned()).or_default();
        call.executed += what.executed;
        call.lost += what.lost;
        call.crossed += what.crossed;
    }
}

impl CallRecord {
    /// One execution.
    pub(super) const EXECUTED: Self = Self {
        executed: 1,
        lost: 0,
        crossed: 0,
    };
}

/// The ledger of a running server, and its journal on disk.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) ledger: Ledger,
    file: Option<File>,
}

impl Journal {
    /// Appends to this file what is executed.
    pub(super) fn on_disk(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self {
            file: Some(file),
            ..Self::default()
        })
    }

    /// Notes an execution. The line is with the kernel before the caller can get an answer, so that it
    /// survives the end of this process.
    pub(super) fn note(&mut self, id: &str, what: CallRecord) {
        self.ledger.note(id, what);
        if let Some(file) = &mut self.file {
            let line = format!("{id}\n");
            file.write_all(line.as_bytes()).expect("a disk with room");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_wrong_where_it_contradicts_the_executions() {
        let mut ledger = Ledger::default();
        for id in ["once", "twice", "twice"] {
            ledger.note(id, CallRecord::EXECUTED);
        }
        let check = |id, outcome| ledger.check(id, outcome, false);
        assert_eq!(check("once", Outcome::Answered), Ok(()));
        assert_eq!(check("once", Outcome::Unknown), Ok(()));
        assert_eq!(check("once", Outcome::NotExecuted), Err(Wrong::Executed));
        assert_eq!(check("never", Outcome::NotExecuted), Ok(()));
        assert_eq!(check("never", Outcome::Unknown), Ok(()));
        assert_eq!(check("never", Outcome::Answered), Err(Wrong::NeverExecuted));
        assert_eq!(check("twice", Outcome::Answered), Err(Wrong::Doubled));
        assert_eq!(ledger.check("twice", Outcome::Answered, true), Ok(()));
        let read = ledger.check("twice", Outcome::NotExecuted, true);
        assert_eq!(read, Err(Wrong::Executed));
        assert_eq!(ledger.total(), 3);
    }
}
