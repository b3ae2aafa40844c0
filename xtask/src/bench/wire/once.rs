//! The figures that other processes measure, once.

use std::{env, process::Command};

use clap::ValueEnum;

use super::{
    super::instructions::{Tool, counted},
    count::Side,
    figures::OnceFigures,
    form::Form,
    idle::Idle,
    server::Server,
};
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

/// The resident memory of so many idle sessions of as many users, in bytes; `None` where this system does
/// not show it.
pub(in super::super) fn memory_of(sessions: u32) -> Result<Option<f64>> {
    let server = Server::start()?;
    Ok(idle(&server.url(Form::Json), sessions)?.memory)
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
    let side = side.to_possible_value();
    let side = side.as_ref().map_or("", |side| side.get_name());
    let count = |calls: u32| {
        let calls = calls.to_string();
        let arguments = [
            "bench-call",
            "--url",
            url,
            "--side",
            side,
            "--calls",
            &calls,
        ];
        counted(Tool::Instructions, &arguments)
    };
    let (few, many) = (count(FEW)?, count(MANY)?);
    let calls = f64::from(MANY - FEW);
    Ok(few.zip(many).map(|(few, many)| (many - few) / calls))
}

const FEW: u32 = 50;
const MANY: u32 = 550;
