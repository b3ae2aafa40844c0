//! The server of the session, and the process that opened it.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    StreamableHttpConnector,
    extend::{SealedSession, SessionSeal},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::runtime::Builder;

use super::{
    super::line::{Line, Target},
    one_record::OneRecord,
    process::{pool, request, secret},
};
use crate::Result;

/// What a session that goes on in another process takes. `None`: not measured.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct RevivalFigures {
    /// The bytes of a sealed record besides the result of `initialize`.
    pub(in super::super) parked_record_bytes: Option<f64>,
    /// The median of an acquire that revives a session, in another process.
    pub(in super::super) revive_p50_us: Option<f64>,
    /// The requests to the server that a revival makes.
    pub(in super::super) revive_extra_requests: Option<f64>,
}

/// The lines of a revival in the table.
pub(in super::super) fn revival_lines(figures: &RevivalFigures) -> [Line; 3] {
    let line = |what, value: Option<f64>, bound| {
        Line::new(what, String::new()).beside(String::new(), value, Target::AtMost(bound))
    };
    [
        line(
            "bytes of a record besides its `initialize`",
            figures.parked_record_bytes,
            1_024.0,
        ),
        line("µs of a revival elsewhere", figures.revive_p50_us, 200.0),
        line("requests of a revival", figures.revive_extra_requests, 0.0),
    ]
}

/// Opens a session here, and revives it in another process this many times.
pub(in super::super) fn measure(times: usize) -> Result<RevivalFigures> {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = OneRecord::default();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(open(&server, &directory))?;
    let (holding, sealed) = directory.record().ok_or("no record")?;
    let parked = secret().open(&holding.key, &sealed)?;
    let parked: Value = serde_json::from_slice(parked.as_bytes())?;
    let initialized = parked["server"].to_string().len();
    let before = server.seen().len();
    let nanos = revive(&server.url(), &sealed, times)?;
    let requests = server.seen().len() - before;
    Ok(RevivalFigures {
        parked_record_bytes: Some((sealed.as_bytes().len() - initialized) as f64),
        revive_p50_us: Some(nanos / 1_000.0),
        revive_extra_requests: Some(requests as f64 / times as f64),
    })
}

async fn open(server: &CounterServer, directory: &OneRecord) -> Result {
    let pool = pool(&StreamableHttpConnector::new()?, directory)?;
    drop(pool.acquire(&request(&server.url())?).await?);
    pool.close(Duration::from_secs(5)).await;
    Ok(())
}

/// The median of an acquire in another process, in nanoseconds.
fn revive(url: &str, sealed: &SealedSession, times: usize) -> Result<f64> {
    let mut child = Command::new(env::current_exe()?)
        .args(["bench-revive", "--url", url, "--times", &times.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no standard input")?;
    input.write_all(STANDARD.encode(sealed.as_bytes()).as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opened_session_has_a_record() {
        let server = CounterServer::start_as(Modes::default().legacy_only());
        let directory = OneRecord::default();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(open(&server, &directory)).unwrap();
        let (holding, sealed) = directory.record().unwrap();
        let parked = secret().open(&holding.key, &sealed).unwrap();
        let parked: Value = serde_json::from_slice(parked.as_bytes()).unwrap();
        assert!(parked["server"]["protocolVersion"].is_string());
    }
}
