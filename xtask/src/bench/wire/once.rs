//! The figures that other processes measure, once.

use std::{env, process::Command};

use clap::ValueEnum;

use super::{count::Side, figures::OnceFigures, form::Form, idle::Idle, server::Server};
use crate::Result;

/// The size of the measurement.
#[derive(Clone, Copy)]
pub(in super::super) struct OnceEffort {
    pub(in super::super) idle_sessions: u32,
    /// Whether to count instructions, which takes seconds.
    pub(in super::super) instructions: bool,
}

/// Measures in processes of their own, whose server is this one.
pub(in super::super) fn once(effort: OnceEffort) -> Result<OnceFigures> {
    let server = Server::start()?;
    let url = server.url(Form::Json);
    let idle = idle(&url, effort.idle_sessions)?;
    let count = |side| match effort.instructions {
        true => instructions(&url, side),
        false => Ok(None),
    };
    let (pooled, held) = (count(Side::Pooled)?, count(Side::Held)?);
    let sessions = f64::from(effort.idle_sessions);
    Ok(OnceFigures {
        call_instructions: pooled,
        call_instructions_held: held,
        call_instructions_ratio: pooled.zip(held).map(|(pooled, held)| pooled / held),
        idle_session_tasks: Some(idle.tasks / sessions),
        idle_session_sockets: idle.sockets,
        idle_100k_mb: idle.memory.map(|bytes| bytes / sessions * 100_000.0 / 1e6),
    })
}

fn idle(url: &str, sessions: u32) -> Result<Idle> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["bench-idle", "--url", url, "--sessions"]);
    let output = command.arg(sessions.to_string()).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout)?),
        false => Err(format!("idle sessions: {error}").into()),
    }
}

/// The instructions of a call, counted by valgrind. `None` where there is no valgrind.
///
/// Two counts with different numbers of calls cancel out what comes before the calls.
fn instructions(url: &str, side: Side) -> Result<Option<f64>> {
    let (few, many) = (counted(url, side, FEW)?, counted(url, side, MANY)?);
    let calls = f64::from(MANY - FEW);
    Ok(few.zip(many).map(|(few, many)| (many - few) / calls))
}

fn counted(url: &str, side: Side, calls: u32) -> Result<Option<f64>> {
    let side = side.to_possible_value();
    let side = side.as_ref().map_or("", |side| side.get_name());
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no"]);
    command.arg("--cachegrind-out-file=/dev/null");
    command.arg(env::current_exe()?);
    command.args(["bench-call", "--url", url, "--side", side, "--calls"]);
    let Ok(output) = command.arg(calls.to_string()).output() else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&output.stderr);
    Ok(output.status.success().then(|| total(&text)).flatten())
}

/// The number in cachegrind's summary.
fn total(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains(TOTAL))?;
    let (_, number) = line.split_once(TOTAL)?;
    number.trim().replace(',', "").parse().ok()
}

const FEW: u32 = 50;
const MANY: u32 = 550;
const TOTAL: &str = "I   refs:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_cachegrind_is_read() {
        let text = "==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(total(text), Some(1_234_567.0));
        assert_eq!(total("nothing"), None);
    }
}
