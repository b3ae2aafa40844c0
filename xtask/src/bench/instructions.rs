//! What valgrind counts of this program.

use std::{env, process::Command};

use crate::Result;

/// What to count.
#[derive(Clone, Copy)]
pub(super) enum Tool {
    Instructions,
    /// Of data, in a last-level cache of 1 MB.
    CacheMisses,
}

impl Tool {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Instructions => &["--tool=cachegrind", "--cache-sim=no"],
            Self::CacheMisses => &["--tool=cachegrind", "--cache-sim=yes", "--LL=1048576,16,64"],
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Instructions => "I   refs:",
            Self::CacheMisses => "LLd misses:",
        }
    }
}

/// Runs this program with these arguments and counts. `None` where there is no valgrind.
pub(super) fn counted(tool: Tool, arguments: &[&str]) -> Result<Option<f64>> {
    let mut command = Command::new("valgrind");
    command.args(tool.arguments());
    command.arg("--cachegrind-out-file=/dev/null");
    command.arg(env::current_exe()?).args(arguments);
    let Ok(output) = command.output() else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&output.stderr);
    let is_ok = output.status.success();
    Ok(is_ok.then(|| total(&text, tool.label())).flatten())
}

/// The number behind a label of the summary.
fn total(text: &str, label: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains(label))?;
    let (_, numbers) = line.split_once(label)?;
    let number = numbers.split_whitespace().next()?;
    number.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_cachegrind_is_read() {
        let text = "==7== \n==7== I   refs:      1,234,567\n\
            ==7== LLd misses:        54,321  (   50,000 rd   +   4,321 wr)\n";
        assert_eq!(total(text, Tool::Instructions.label()), Some(1_234_567.0));
        assert_eq!(total(text, Tool::CacheMisses.label()), Some(54_321.0));
        assert_eq!(total("nothing", Tool::Instructions.label()), None);
    }
}
