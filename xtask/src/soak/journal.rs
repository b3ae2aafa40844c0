//! What the callers got, on disk: memory that grows with the calls would hide a leak.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mcp_pool_testkit::Ledger;
use mcp_session_pool::error::Outcome;

use crate::Result;

/// The outcomes of all calls.
pub(super) struct Outcomes(Mutex<Writer>);

struct Writer {
    file: BufWriter<File>,
    overshoot: Duration,
    /// The calls that ended the latest after their deadlines, and by how much.
    late: BTreeMap<Duration, String>,
}

/// One call of the journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) id: &'a str,
    pub(super) outcome: Outcome,
    pub(super) only_reads: bool,
    pub(super) is_crossed: bool,
}

impl Outcomes {
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        Ok(Self(Mutex::new(Writer {
            file: BufWriter::new(File::create(path)?),
            overshoot: Duration::ZERO,
            late: BTreeMap::new(),
        })))
    }

    /// Notes a call, and how late it ended beyond a bare timer.
    pub(super) fn note(&self, entry: Entry<'_>, overshoot: Duration) {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.overshoot = writer.overshoot.max(overshoot);
        let outcome = entry.outcome.as_str();
        let (reads, crossed) = (u8::from(entry.only_reads), u8::from(entry.is_crossed));
        let line = format!("{} {outcome} {reads} {crossed}\n", entry.id);
        writer
            .file
            .write_all(line.as_bytes())
            .expect("a disk with room");
    }

    /// Notes a call that ended too late. The worst ones are kept as examples.
    pub(super) fn note_late(&self, overshoot: Duration, call: String) {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.late.insert(overshoot, call);
        if writer.late.len() > EXAMPLES {
            writer.late.pop_first();
        }
    }

    /// Writes what is not on disk yet, and returns the worst overshoot, with examples of late calls.
    pub(super) fn finish(&self) -> Result<(Duration, Vec<String>)> {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.file.flush()?;
        let late = std::mem::take(&mut writer.late);
        Ok((writer.overshoot, late.into_values().rev().collect()))
    }
}

/// What the journals of the callers and the servers come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    pub(super) calls: u64,
    pub(super) executed: u64,
    pub(super) doubled: u64,
    pub(super) wrong: u64,
    /// The first calls that do not balance.
    pub(super) examples: Vec<String>,
}

impl Balance {
    /// Compares what the callers got with what the servers executed.
    pub(super) fn read(outcomes: &Path, journals: &[PathBuf]) -> Result<Self> {
        let ledgers: std::io::Result<Vec<_>> = journals.iter().map(|it| Ledger::read(it)).collect();
        let mut balance = Self::default();
        let ledgers = ledgers?;
        balance.executed = ledgers.iter().map(Ledger::total).sum();
        for line in std::fs::read_to_string(outcomes)?.lines() {
            balance.take(line, &ledgers)?;
        }
        Ok(balance)
    }

    fn take(&mut self, line: &str, ledgers: &[Ledger]) -> Result {
        let entry = entry(line).ok_or("a line of the journal is no call")?;
        self.calls += 1;
        // A user calls one server alone.
        let ledger = ledgers
            .iter()
            .max_by_key(|ledger| ledger.executions(entry.id));
        let ledger = ledger.ok_or("no journal")?;
        let checked = ledger.check(entry.id, entry.outcome, entry.only_reads);
        match checked {
            Err(mcp_pool_testkit::Wrong::Doubled) => self.doubled += 1,
            Err(_) => self.wrong += 1,
            Ok(()) if entry.is_crossed => self.wrong += 1,
            Ok(()) => return Ok(()),
        }
        let executions = ledger.executions(entry.id);
        self.examples
            .push(format!("executed {executions} times: {line}"));
        Ok(())
    }
}

fn entry(line: &str) -> Option<Entry<'_>> {
    let mut words = line.split(' ');
    let id = words.next()?;
    let word = words.next()?;
    let outcomes = [Outcome::Answered, Outcome::NotExecuted, Outcome::Unknown];
    Some(Entry {
        id,
        outcome: outcomes.into_iter().find(|it| it.as_str() == word)?,
        only_reads: words.next()? == "1",
        is_crossed: words.next()? == "1",
    })
}

/// So many late calls are kept.
const EXAMPLES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_that_ended_the_latest_are_kept() {
        let file = std::env::temp_dir().join(format!("mcp-late-{}", std::process::id()));
        let calls = Outcomes::create(file.clone()).unwrap();
        for late in 1..=EXAMPLES as u64 + 5 {
            calls.note_late(Duration::from_millis(late), format!("{late}"));
        }
        let (_, late) = calls.finish().unwrap();
        std::fs::remove_file(file).unwrap();
        assert_eq!(
            (late.len(), &*late[0], &*late[EXAMPLES - 1]),
            (EXAMPLES, "25", "6")
        );
    }

    #[test]
    fn the_journals_balance_only_where_each_outcome_is_true() {
        let folder = std::env::temp_dir().join(format!("mcp-balance-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (journal, outcomes) = (folder.join("journal"), folder.join("outcomes"));
        std::fs::write(&journal, "once\ntwice\ntwice\nread\nread\ndenied\n").unwrap();
        let calls = Outcomes::create(outcomes.clone()).unwrap();
        let note = |id, outcome, only_reads, is_crossed| {
            let entry = Entry {
                id,
                outcome,
                only_reads,
                is_crossed,
            };
            calls.note(entry, Duration::from_millis(3));
        };
        note("once", Outcome::Answered, false, false);
        note("twice", Outcome::Unknown, false, false);
        note("read", Outcome::Answered, true, false);
        note("denied", Outcome::NotExecuted, false, false);
        note("never", Outcome::Answered, false, false);
        note("once", Outcome::Answered, false, true);
        assert_eq!(calls.finish().unwrap().0, Duration::from_millis(3));
        let balance = Balance::read(&outcomes, &[journal]).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let Balance {
            calls,
            executed,
            doubled,
            wrong,
            ..
        } = balance;
        assert_eq!([calls, executed, doubled, wrong], [6, 6, 1, 3]);
    }
}
